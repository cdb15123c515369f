import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect, JSON_OPTION } from "../connect.ts";
import { EXIT_CODES, UsageError } from "../exit-codes.ts";
import { printJson } from "../print-json.ts";
import { paintState } from "../terminal/paint-state.ts";

const IF_BUSY = ["steer", "queue", "reject"] as const;

export const sendCommand: Command = {
  name: "send",
  summary: "send a message to a session",
  operands: '<session> "<message>" | -',
  options: [
    { name: "if-busy", value: "HOW", help: "steer: into the live turn; queue (default): after it; reject" },
    ...CONNECTION_OPTIONS,
    JSON_OPTION,
  ],
  async run(io, flags) {
    const [sessionId, operand, ...others] = flags.operands;
    if (sessionId === undefined || operand === undefined || others.length > 0) {
      throw new UsageError("name a session and a message; quote what belongs together");
    }
    const wanted = flags.text("if-busy");
    const ifBusy = wanted === undefined ? undefined : IF_BUSY.find((one) => one === wanted);
    if (wanted !== undefined && ifBusy === undefined) throw new UsageError(`--if-busy is one of ${IF_BUSY.join(", ")}`);
    const message = operand === "-" ? await io.readStdin() : operand;
    if (message.trim() === "") throw new UsageError("the message is empty");
    const { client } = await connect(io, flags);
    const body = { message, ...(ifBusy === undefined ? {} : { if_busy: ifBusy }) };
    const sent = await client.sessions.sendMessage(sessionId, body, { signal: io.signal });
    if (flags.isOn("json")) printJson(io, sent);
    else
      io.out([sent.item_id, sent.run_id ?? "", paintState(io, sent.status)].filter((part) => part !== "").join("  "));
    return EXIT_CODES.ok;
  },
};
