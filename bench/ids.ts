/** A UUIDv7 whose time is the number, an expression of SQL: in the order of time, as the service makes them. */
export const idSql = (number: string): string =>
  `(lpad(to_hex(1700000000000 + ${number} * 1000), 12, '0') || '7'
  || substr(md5((${number})::text), 1, 3) || '8' || substr(md5((${number})::text), 4, 15))::uuid`;
