import { getOperationAST, parse, type DocumentNode } from "graphql";

interface Operation {
  documentAST: DocumentNode;
  operationName: string | null;
}

/**
 * What to run of a text. The editor notes names a moment late: right after a change of tab, the
 * name that it gives may be of another text. Undefined where the text does not parse.
 */
export function operationOf(query: string, name?: string | null): Operation | undefined {
  let documentAST;
  try {
    documentAST = parse(query);
  } catch {
    return undefined;
  }
  const operation = getOperationAST(documentAST, name) ?? getOperationAST(documentAST);
  return { documentAST, operationName: operation?.name?.value ?? null };
}
