/** True for a URL whose host is this machine: the only place where a credential may travel without TLS. */
export function isLoopback(url: string): boolean {
  return /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(new URL(url).hostname);
}
