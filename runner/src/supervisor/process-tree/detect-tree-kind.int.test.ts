import { describe, expect, it } from "vitest";
import { detectTreeKind, probeTreeKind } from "./detect-tree-kind.ts";
import { startTree } from "./start-tree.ts";
import { BASE_ENV, makeMarker } from "./testing/run-fixture.ts";

describe("detectTreeKind", () => {
  it("finds the kind once and says for people what it promises", async () => {
    const support = await detectTreeKind();
    expect(detectTreeKind()).toBe(detectTreeKind());
    expect(support.note).toMatch(support.kind === "pid-namespace" ? /^PID namespace: / : /^process group: /);
    expect(support.namespaceTools === null).toBe(support.kind === "process-group");
    expect(await probeTreeKind()).toEqual(support);
  });

  it("lets a namespace be refused by name where there is none", async () => {
    const support = { ...(await detectTreeKind()), kind: "process-group", namespaceTools: null } as const;
    const options = { argv: ["true"], cwd: "/", env: BASE_ENV, marker: makeMarker(), kind: "pid-namespace" } as const;
    const start = startTree({ program: "/bin/true", args: [] }, options, support);
    await expect(start).rejects.toMatchObject({ code: "spawn_failed", hint: support.note });
  });

  it("reports why a namespace did not come up, and leaves nothing behind", async () => {
    const support = await detectTreeKind();
    if (support.namespaceTools === null) return;
    const broken = { ...support, namespaceTools: { ...support.namespaceTools, sh: "/bin/false" } };
    const options = { argv: ["true"], cwd: "/", env: BASE_ENV, marker: makeMarker() };
    const start = startTree({ program: "/bin/true", args: [] }, options, broken);
    await expect(start).rejects.toMatchObject({
      code: "spawn_failed",
      message: expect.stringContaining("ended with 1"),
    });
  });
});
