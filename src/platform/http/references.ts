/**
 * The components that a schema refers to, and those that these refer to. Whoever compiles a schema looks at every
 * component that it is given: with all of them each time, a start would take as long as their number squared.
 */
export type Components = Record<string, object>;

export function referredFrom(components: Components): (schema: unknown) => Components {
  const direct = new Map<string, string[]>();
  const referredBy = (name: string): string[] => {
    const known = direct.get(name) ?? namesIn(components[name]);
    direct.set(name, known);
    return known;
  };
  return (schema) => {
    const found: Components = {};
    const waiting = namesIn(schema);
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const component = components[name];
      if (component === undefined || name in found) continue;
      found[name] = component;
      waiting.push(...referredBy(name));
    }
    return found;
  };
}

const namesIn = (schema: unknown): string[] =>
  [...(JSON.stringify(schema) ?? '').matchAll(/"\$ref":"([^"#]+)#/g)].map((match) => match[1] ?? '');
