import fc from "fast-check";
import { releaseInbox } from "../../sessions/release-inbox.ts";
import { sendMessage } from "../../sessions/send-message.ts";
import { comeToRest, emptyItem } from "./come-to-rest.ts";
import { codeOf } from "./real.ts";
import { activeRun } from "./rules.ts";
import { choose, expectSame, type Step } from "./step.ts";

const n = fc.nat({ max: 30 });

export const message: Step<[number, boolean]> = {
  name: "message",
  weight: 7,
  given: fc.tuple(n, fc.constantFrom(false, false, true)),
  take: async ({ world, real }, [which, reject]) => {
    const session = choose(world.sessions, which);
    if (session === undefined) return;
    const expected = reject && activeRun(world, session.id) !== undefined ? "session_busy" : "ok";
    let id = "";
    const sent = sendMessage(real.deps, {
      projectId: real.project,
      sessionId: session.id,
      text: "hear this",
      ifBusy: reject ? "reject" : "queue",
    }).then((answer) => (id = answer.itemId));
    expectSame(await codeOf(sent), expected, "message");
    if (expected !== "ok") return;
    session.held = false;
    world.items.push({ ...emptyItem(session.id), id });
    comeToRest(world);
  },
};

export const release: Step<number> = {
  name: "release",
  weight: 2,
  given: n,
  take: async ({ world, real }, which) => {
    const session = choose(world.sessions, which);
    if (session === undefined) return;
    expectSame(await codeOf(releaseInbox(real.deps, real.project, session.id)), "ok", "release");
    session.held = false;
    for (const item of world.items)
      if (item.session === session.id && item.state === "set_aside")
        Object.assign(item, { state: "new", deliveries: 0, paused: false });
    comeToRest(world);
  },
};
