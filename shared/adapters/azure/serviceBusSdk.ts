/** What we use of @azure/service-bus, by name. Loaded with import(). */
export { ServiceBusClient } from '@azure/service-bus';
