/** A function app as its own module, for tests that start the host from a path. */
import { app } from '@azure/functions';

app.http('hello', { methods: ['GET'], handler: () => ({ body: 'hello' }) });
