/** Bytes that arrive in any pieces, cut into lines. A line that grows past the limit ends the stream. */
const NEWLINE = 10;

export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError';
}

export class LineSplitter {
  private pieces: Uint8Array[] = [];
  private heldBytes = 0;

  constructor(private readonly lineBytesMax: number) {}

  /** The lines that these bytes complete, without their ends; empty ones are left out. */
  push(bytes: Uint8Array): readonly string[] {
    const lines: string[] = [];
    let from = 0;
    for (let to = bytes.indexOf(NEWLINE); to >= 0; to = bytes.indexOf(NEWLINE, from)) {
      this.hold(bytes.subarray(from, to));
      lines.push(this.take());
      from = to + 1;
    }
    this.hold(bytes.subarray(from));
    return lines.filter((line) => line.trim() !== '');
  }

  private hold(piece: Uint8Array): void {
    this.heldBytes += piece.length;
    if (this.heldBytes > this.lineBytesMax)
      throw new LineTooLongError(`a line is longer than ${this.lineBytesMax} bytes`);
    if (piece.length > 0) this.pieces.push(piece);
  }

  private take(): string {
    const line = new Uint8Array(this.heldBytes);
    let at = 0;
    for (const piece of this.pieces) {
      line.set(piece, at);
      at += piece.length;
    }
    this.pieces = [];
    this.heldBytes = 0;
    return new TextDecoder().decode(line);
  }
}
