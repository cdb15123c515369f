import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect, JSON_OPTION } from "../connect.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { onlyOperand } from "../only-operand.ts";
import { printJson } from "../print-json.ts";
import { stripControls } from "../terminal/strip-controls.ts";

export const explainCommand: Command = {
  name: "explain",
  summary: "say why a run is where it is",
  operands: "<run>",
  options: [...CONNECTION_OPTIONS, JSON_OPTION],
  async run(io, flags) {
    const runId = onlyOperand(flags, "a run");
    const { client } = await connect(io, flags);
    const explanation = await client.runs.explain(runId, { signal: io.signal });
    if (flags.isOn("json")) printJson(io, explanation);
    else io.out(stripControls(explanation.sentence));
    return EXIT_CODES.ok;
  },
};
