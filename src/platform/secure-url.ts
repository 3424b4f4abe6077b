/** True for https, and for http on this machine alone: what came over it unprotected could be anybody's. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && loopback.includes(hostname));
}

const loopback = ['127.0.0.1', 'localhost', '[::1]'];
