import type { Queryable } from '../flow.ts'

/** A column as the running database describes it. */
export interface CatalogColumn {
  readonly column: string
  readonly type: string
  readonly comment: string | null
}

/** A table as the running database describes it. */
export interface CatalogTable {
  readonly table: string
  readonly comment: string | null
  readonly columns: readonly CatalogColumn[]
}

interface Row extends CatalogColumn {
  readonly table: string
  readonly table_comment: string | null
}

const COLUMNS = `SELECT c.relname AS "table", obj_description(c.oid, 'pg_class') AS table_comment, a.attname AS "column",
    format_type(a.atttypid, a.atttypmod) AS type, col_description(c.oid, a.attnum) AS comment
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY c.relname, a.attnum`

/** Every table and column that there is, whoever made it, by name. */
export async function readCatalog(db: Queryable): Promise<CatalogTable[]> {
  const tables = new Map<string, { comment: string | null; columns: CatalogColumn[] }>()
  for (const { table, table_comment: tableComment, ...column } of await db.query<Row>(COLUMNS)) {
    if (!tables.has(table)) tables.set(table, { comment: tableComment, columns: [] })
    tables.get(table)!.columns.push(column)
  }
  return [...tables].map(([table, { comment, columns }]) => ({ table, comment, columns }))
}
