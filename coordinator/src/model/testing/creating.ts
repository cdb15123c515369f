import { awaits, newestRun, owedBy, sessionOf, subtree } from "./rules.ts";
import type { Attempt, Duty, Run, Session, World } from "./world.ts";

/** Making runs, as the model sees it: who is refused and why, and what is there afterwards. */

export interface Asked {
  readonly mode: Run["mode"];
  readonly join: Run["join"] | null;
  readonly onLost: Run["onLost"] | null;
  readonly priority: number | null;
  readonly later: boolean;
}

export interface Asker {
  readonly agent: Attempt | null;
  readonly parent: string | null;
}

/** What an agent's call is refused with: it is a write of its attempt. */
function judgeAgent(world: World, agent: Attempt | null): string {
  if (agent === null) return "ok";
  if (!world.runs.includes(agent.run) || agent.run.attempt !== agent.number) return "attempt_superseded";
  if (agent.run.state === "stopping") return "run_stopping";
  return agent.run.state === "running" ? "ok" : "run_terminal";
}

export function judgeStart(world: World, { agent, parent: parentId }: Asker): string {
  if (parentId === null) return "ok";
  const parent = sessionOf(world, parentId);
  if (parent === undefined) return "parent_not_found";
  const fenced = judgeAgent(world, agent);
  if (fenced !== "ok") return fenced;
  const { limits } = world;
  if (parent.look === "stopping") return "parent_stopped";
  if (parent.depth + 1 > limits.treeDepthMax) return "tree_depth_exceeded";
  if ((world.made.get(parent.root) ?? 0) >= limits.runsPerTreeMax) return "tree_runs_exceeded";
  const started = world.runs.filter((run) => run.parentRun === agent?.run && run.type === "start_session").length;
  return agent !== null && started >= limits.treeFanOutMax ? "tree_fan_out_exceeded" : "ok";
}

export function judgeResume(world: World, session: Session, asker: Asker, asked: Asked): string {
  const fenced = judgeAgent(world, asker.agent);
  if (fenced !== "ok") return fenced;
  const parent = parentOfResume(session, asker, asked);
  const above = parent === null ? undefined : sessionOf(world, parent);
  if (parent !== null && above === undefined) return "parent_not_found";
  if (parent !== null && subtree(world, session.id).includes(parent)) return "parent_is_descendant";
  if (above !== undefined && above.root !== session.root) return "parent_in_another_tree";
  if ((world.made.get(session.root) ?? 0) >= world.limits.runsPerTreeMax) return "tree_runs_exceeded";
  const owes = parent !== null && owesReport(asker, asked);
  return owes && awaits(world, session.id, parent) ? "parent_is_descendant" : "ok";
}

const parentOfResume = (session: Session, asker: Asker, asked: Asked): string | null =>
  asker.parent ?? (asked.mode === "async_callback" ? session.parent : null);

const owesReport = ({ agent }: Asker, { mode }: Asked): boolean =>
  mode === "async_callback" || (mode === "sync" && agent !== null);

export function addSession(world: World, id: string, parentId: string | null): Session {
  const parent = parentId === null ? undefined : sessionOf(world, parentId);
  const session: Session = {
    id,
    root: parent?.root ?? id,
    depth: parent === undefined ? 0 : parent.depth + 1,
    parent: parentId,
    held: false,
    occupied: false,
    look: "pending",
  };
  world.sessions.push(session);
  return session;
}

export function addRun(world: World, runId: string, session: Session, asker: Asker, asked: Asked): Duty | null {
  const previous = newestRun(world, session.id);
  const inherited = previous === undefined && asker.parent !== null ? newestRun(world, asker.parent) : undefined;
  const run: Run = {
    id: runId,
    made: ++world.time,
    session: session.id,
    type: previous === undefined ? "start_session" : "resume_session",
    owed: false,
    mode: asked.mode,
    parentRun: asker.agent?.run ?? null,
    join: asked.join ?? previous?.join ?? "each",
    onLost: asked.onLost ?? previous?.onLost ?? "resume",
    priority: asked.priority ?? inherited?.priority ?? 3,
    state: "pending",
    outcome: null,
    ended: 0,
    expires: true,
    waitsForTime: asked.later,
    offerPaused: false,
    attempt: 0,
    deliveries: 0,
    offers: 0,
  };
  world.runs.push(run);
  world.made.set(session.root, (world.made.get(session.root) ?? 0) + 1);
  // whoever resumes a session wants what a stop held to flow again
  session.held = false;
  const parent = previous === undefined ? session.parent : parentOfResume(session, asker, asked);
  return parent !== null && owesReport(asker, asked) ? owe(world, session.id, parent, run) : null;
}

/** A duty that is owed already is inherited. */
function owe(world: World, child: string, parent: string, origin: Run): Duty {
  const known = owedBy(world, child).find((duty) => duty.parent === parent);
  if (known !== undefined) return known;
  const duty: Duty = { child, parent, group: origin.parentRun, origin, item: null };
  world.duties.push(duty);
  return duty;
}
