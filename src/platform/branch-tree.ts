/**
 * Which codes a branch stands for on a day.
 *
 * A branch is in the tree from the day on which it opens to the day before it closes. From the day on which it closes
 * its customers, and the branches below it, are its successor's, or those of the successor's successor where that one
 * is closed too; whoever is bound to the closed branch itself reaches nothing of it any more. A code that is in no
 * tree, as sources can be ahead of it, or that is not open yet, means just itself.
 */
export type Branch = {
  code: string;
  parent: string | null;
  /** `YYYY-MM-DD`, as are all days here */
  opens_on: string;
  closes_on: string | null;
  successor: string | null;
};

export type BranchTree = {
  /** All codes whose customers a caller reaches who is bound to these, sorted. */
  subtree(codes: readonly string[], day: string): string[];
};

const isClosed = (branch: Branch, day: string) => branch.closes_on !== null && branch.closes_on <= day;
const isOpen = (branch: Branch, day: string) => branch.opens_on <= day && !isClosed(branch, day);

/** By code. What leads in a circle leads nowhere: the service lets nobody make one. */
export function branchTree(branches: readonly Branch[]): BranchTree {
  const byCode = new Map(branches.map((branch) => [branch.code, branch]));
  let kept: { day: string; children: Map<string, string[]> } | undefined;
  const childrenOn = (day: string) => {
    if (kept?.day !== day) kept = { day, children: childrenOf(byCode, day) };
    return kept.children;
  };
  return {
    subtree(codes, day) {
      const children = childrenOn(day);
      const found = new Set<string>();
      const waiting = codes.filter((code) => {
        const branch = byCode.get(code);
        return branch === undefined || !isClosed(branch, day);
      });
      for (let code = waiting.pop(); code !== undefined; code = waiting.pop()) {
        if (found.has(code)) continue;
        found.add(code);
        waiting.push(...(children.get(code) ?? []));
      }
      return [...found].sort();
    },
  };
}

/** What hangs directly below each open branch: branches that are open, and closed ones that it has succeeded. */
function childrenOf(byCode: ReadonlyMap<string, Branch>, day: string): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const branch of byCode.values()) {
    if (branch.opens_on > day) continue;
    const above = isClosed(branch, day)
      ? openSuccessor(byCode, branch, day)
      : openParent(byCode, branch, day);
    if (above === undefined) continue;
    const list = children.get(above);
    if (list === undefined) children.set(above, [branch.code]);
    else list.push(branch.code);
  }
  return children;
}

/** The first in the line of successors that is open on the day. */
function openSuccessor(byCode: ReadonlyMap<string, Branch>, closed: Branch, day: string): string | undefined {
  const seen = new Set<string>();
  let next = closed.successor;
  while (next !== null && !seen.has(next)) {
    seen.add(next);
    const branch = byCode.get(next);
    if (branch === undefined) return undefined;
    if (isOpen(branch, day)) return branch.code;
    next = isClosed(branch, day) ? branch.successor : null;
  }
  return undefined;
}

/** The parent, or whoever has succeeded it; above one that has ended without a successor, its own parent. */
function openParent(byCode: ReadonlyMap<string, Branch>, below: Branch, day: string): string | undefined {
  const seen = new Set<string>();
  let parent = below.parent;
  while (parent !== null && !seen.has(parent)) {
    seen.add(parent);
    const branch = byCode.get(parent);
    if (branch === undefined || branch.opens_on > day) return undefined;
    if (isOpen(branch, day)) return branch.code;
    const successor = openSuccessor(byCode, branch, day);
    if (successor !== undefined) return successor;
    parent = branch.parent;
  }
  return undefined;
}

/**
 * A way that leads from a branch back to itself by parents and successors, first to last; undefined where there is none.
 * Both together: a branch that closes in favour of one below it would hang below itself.
 */
export function circleOf(
  code: string,
  above: (code: string) => readonly (string | null | undefined)[],
): string[] | undefined {
  const seen = new Set<string>();
  const waiting: string[][] = [[code]];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const next of above(path.at(-1) ?? code)) {
      if (next === code) return [...path, code];
      if (next == null || seen.has(next)) continue;
      seen.add(next);
      waiting.push([...path, next]);
    }
  }
  return undefined;
}
