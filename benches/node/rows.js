// Tasks of a tenant, from the database that the other servers use too.
import Database from "libsql";
import pg from "pg";

export async function openRows(url) {
  return url.startsWith("postgres") ? postgres(url) : sqlite(url);
}

const COLUMNS = "id, title, completed_at";

function sqlite(url) {
  const database = new Database(url.replace(/^sqlite:\/\//, "").replace(/\?.*$/, ""));
  database.pragma("journal_mode = WAL");
  const newest = database.prepare(
    `SELECT ${COLUMNS} FROM tasks WHERE tenant_id = ? ORDER BY created_at DESC, id DESC LIMIT ?`,
  );
  const one = database.prepare(`SELECT ${COLUMNS} FROM tasks WHERE tenant_id = ? AND id = ?`);
  return {
    newest: (tenant, count) => newest.all(tenant, count).map(named),
    one: (tenant, id) => named(one.get(tenant, Buffer.from(id.replaceAll("-", ""), "hex"))),
  };
}

// SQLite has ids as 16 bytes.
function named(row) {
  if (!row) return null;
  const hex = Buffer.from(row.id).toString("hex");
  return { ...row, id: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") };
}

function postgres(url) {
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  const query = async (name, text, values) => (await pool.query({ name, text, values })).rows;
  return {
    newest: (tenant, count) =>
      query(
        "newest",
        `SELECT ${COLUMNS} FROM tasks WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2`,
        [tenant, count],
      ),
    one: async (tenant, id) =>
      (await query("one", `SELECT ${COLUMNS} FROM tasks WHERE tenant_id = $1 AND id = $2`, [tenant, id]))[0] ?? null,
  };
}
