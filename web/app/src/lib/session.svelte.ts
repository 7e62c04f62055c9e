/**
 * The token that a node off loopback asks for. It lives in memory only: a page that is loaded anew
 * asks again, and no address, log or storage ever holds it.
 */
class Session {
  token = $state("");
  /** The node has refused us, and is not asked again before there is another token. */
  wanted = $state(false);
  /** The form has been put away. */
  dismissed = $state(false);
  /** What was wrong with the last token. */
  problem = $state("");

  /** By an answer of 401, or of 429 after too many wrong tokens. */
  refuse(response: Response): void {
    const wait = response.headers.get("Retry-After");
    if (response.status === 429)
      this.problem = `Too many wrong tokens came from here. Try again ${wait ? `in ${wait} s` : "in a minute"}.`;
    else if (this.token) this.problem = "This node does not know that token.";
    this.token = "";
    this.wanted = true;
  }

  login(token: string): void {
    this.token = token;
    this.problem = "";
    this.wanted = false;
    this.dismissed = false;
  }

  headers(): Record<string, string> {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }
}

export const session = new Session();
