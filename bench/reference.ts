/**
 * What the ratios are held against: bare fastify and pg, one named prepared statement a route, nothing else. It is
 * a process of its own, as the service is.
 */
import fastify from 'fastify';
import pg from 'pg';
import { recordColumns } from '../src/customers/view.js';
import { profileStatement } from '../src/profile/statement.js';

const [databaseUrl, port] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
const app = fastify();

app.get<{ Params: { id: string } }>('/read/:id', async (request) => {
  const { rows } = await pool.query({
    name: 'read',
    text: `select ${recordColumns} from customers where customers.id = $1`,
    values: [request.params.id],
  });
  return rows[0];
});

app.get<{ Params: { id: string } }>('/profile/:id', async (request) => {
  const today = new Date().toISOString().slice(0, 10);
  const { rows } = await pool.query({
    name: 'profile',
    text: profileStatement,
    values: [request.params.id, today, 'CNY', null, null, null, 2, today],
  });
  return rows[0];
});

app.get('/readyz', async () => ({}));

await app.listen({ host: '127.0.0.1', port: Number(port) });
process.on('SIGTERM', () => process.exit(0));
