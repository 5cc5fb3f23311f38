import type { Tokens } from "marked";
import { strings } from "../shared/strings";
import { Inline } from "./Inline";

export function TableBlock({ table }: { table: Tokens.Table }) {
  return (
    <div className="table-box" tabIndex={0} role="region" aria-label={strings.output.table}>
      <table>
        <thead>
          <tr>
            {table.header.map((cell, index) => (
              <th key={index} scope="col" data-align={cell.align}>
                <Inline tokens={cell.tokens} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, rowIndex) => (
            <tr key={rowIndex}>
              {row.map((cell, index) => (
                <td key={index} data-align={cell.align}>
                  <Inline tokens={cell.tokens} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
