/** A refusal, sent as an RFC 9457 problem. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {string} [hint]
   * @param {{ name: string, message: string }[]} [fields]
   */
  constructor(status, message, hint = '', fields = []) {
    super(message);
    this.status = status;
    this.hint = hint;
    this.fields = fields;
  }
}
