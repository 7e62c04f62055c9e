/**
 * The token that a node off loopback asks for. It lives in memory only: a page that is loaded anew
 * asks again, and no address, log or storage ever holds it.
 */
class Session {
  token = $state("");
  /** The node has refused us. */
  wanted = $state(false);

  headers(): Record<string, string> {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }
}

export const session = new Session();
