import { Lexer, type Token, type TokensList } from "marked";

export interface Block {
  key: number;
  token: Token;
}

/** The last tokens may still change when text is added: a table, a list, a heading's underline. */
const UNSETTLED = 2;

/** Lexes an append-only text: only its unsettled tail is lexed again, and unchanged blocks stay the same objects. */
export class IncrementalLexer {
  #blocks: readonly Block[] = [];
  #text = "";
  #settledBlocks = 0;
  #settledLength = 0;
  #links: TokensList["links"] = {};

  update(text: string): readonly Block[] {
    if (text === this.#text) return this.#blocks;
    if (!text.startsWith(this.#text.slice(0, this.#settledLength))) this.#forget();
    const lexer = new Lexer({ gfm: true });
    Object.assign(lexer.tokens.links, this.#links);
    const tokens = lexer.lex(text.slice(this.#settledLength));
    const settled = this.#blocks.slice(0, this.#settledBlocks);
    const tail = tokens.map((token, offset) => this.#block(settled.length + offset, token));
    this.#text = text;
    this.#blocks = [...settled, ...tail];
    this.#settle(tokens, lexer.tokens.links);
    return this.#blocks;
  }

  #block(key: number, token: Token): Block {
    const old = this.#blocks[key];
    return old?.token.type === token.type && old.token.raw === token.raw ? old : { key, token };
  }

  #settle(tokens: readonly Token[], links: TokensList["links"]): void {
    const count = settledCount(tokens);
    if (count === 0) return;
    this.#settledBlocks += count;
    this.#settledLength += tokens.slice(0, count).reduce((sum, { raw }) => sum + raw.length, 0);
    this.#links = { ...links };
  }

  #forget(): void {
    this.#settledBlocks = 0;
    this.#settledLength = 0;
    this.#links = {};
  }
}

/** How many tokens from the start cannot change any more. */
function settledCount(tokens: readonly Token[]): number {
  let unsettled = 0;
  for (let index = tokens.length - 1; index >= 0; index -= 1) {
    if (tokens[index]?.type !== "space") unsettled += 1;
    if (unsettled === UNSETTLED) return index;
  }
  return 0;
}
