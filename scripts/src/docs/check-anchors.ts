import { posix } from "node:path";

/**
 * Links to a heading, in this document or another one, must lead to one. `read` gives a document's text, or null when there is none,
 * which the check of paths reports.
 */
export function checkAnchors(document: string, markdown: string, read: (file: string) => string | null): string[] {
  return markdown.split("\n").flatMap((text, index) =>
    [...text.matchAll(/\]\(([^)\s]*)#([^)\s]+)\)/g)].flatMap(([, target = "", anchor = ""]) => {
      if (/^[a-z]+:/i.test(target)) return [];
      const file = target === "" ? document : posix.join(posix.dirname(document), target);
      const linked = target === "" ? markdown : read(file);
      return linked === null || listAnchors(linked).has(anchor)
        ? []
        : [`${index + 1}: ${file} has no heading #${anchor}`];
    }),
  );
}

/** As GitHub makes them: lower case, punctuation gone, spaces to dashes. */
export function listAnchors(markdown: string): ReadonlySet<string> {
  const unfenced = markdown.replace(/^\s*```[\s\S]*?^\s*```/gm, "");
  const headings = [...unfenced.matchAll(/^#+\s+(.*?)\s*$/gm)].map((match) => match[1] ?? "");
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
