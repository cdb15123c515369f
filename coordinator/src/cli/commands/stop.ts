import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect, JSON_OPTION } from "../connect.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { findRunOrSession } from "../find-run-or-session.ts";
import { onlyOperand } from "../only-operand.ts";
import { printJson } from "../print-json.ts";
import { paintState } from "../terminal/paint-state.ts";
import { toOneLine } from "../terminal/strip-controls.ts";

export const stopCommand: Command = {
  name: "stop",
  summary: "stop a run or a session, with its children",
  operands: "<run|session>",
  options: [
    { name: "no-cascade", help: "leave the children alone" },
    { name: "reason", value: "TEXT", help: "recorded with the stop" },
    ...CONNECTION_OPTIONS,
    JSON_OPTION,
  ],
  notes: ["Stopping what has ended changes nothing and is no error."],
  async run(io, flags) {
    const id = onlyOperand(flags, "a run or a session");
    const { client } = await connect(io, flags);
    const found = await findRunOrSession(client, id, io.signal);
    const options = { cascade: !flags.isOn("no-cascade"), reason: flags.text("reason"), signal: io.signal };
    const answer = found.kind === "run" ? await client.runs.stop(id, options) : await client.sessions.stop(id, options);
    if (flags.isOn("json")) printJson(io, answer);
    else {
      const count = answer.stopped_runs?.length ?? 0;
      io.out(`${toOneLine(id)} ${paintState(io, answer.status)}${count > 1 ? ` (${count} runs)` : ""}`);
    }
    return EXIT_CODES.ok;
  },
};
