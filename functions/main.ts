/**
 * The entry that the Functions worker loads. It registers and does nothing else: no setting is read and no SDK is
 * loaded before the first call, because whatever fails here shows as "no functions found", and all of it is cold start.
 */
import './hook.ts';
import './reconcilePool.ts';
import './sweep.ts';
import './health.ts';
import './explain.ts';
import './rotateTokens.ts';
import './rebuildImages.ts';
