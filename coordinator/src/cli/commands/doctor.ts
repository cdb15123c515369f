import { join } from "node:path";
import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect, dataDirOf, JSON_OPTION } from "../connect.ts";
import type { Finding } from "../doctor/finding.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { noOperands } from "../only-operand.ts";
import { printJson } from "../print-json.ts";
import type { Io, Style } from "../terminal/io.ts";
import { toOneLine } from "../terminal/strip-controls.ts";
import { EXECUTORS_DIR } from "../up/places.ts";

const LOOKS: Readonly<Record<Finding["status"], readonly [sign: string, style: Style]>> = {
  ok: ["✔", "green"],
  warn: ["!", "yellow"],
  fail: ["✘", "red"],
};

export const doctorCommand: Command = {
  name: "doctor",
  summary: "look for what is missing or wrong, and say how to mend it",
  operands: "",
  options: [...CONNECTION_OPTIONS, JSON_OPTION],
  async run(io, flags) {
    noOperands(flags);
    const dataDir = dataDirOf(io, flags);
    const [{ lookAtHost }, { lookAtExecutors }, { lookAtCoordinator }] = await Promise.all([
      import("../doctor/look-at-host.ts"),
      import("../doctor/look-at-executors.ts"),
      import("../doctor/look-at-coordinator.ts"),
    ]);
    const connection = await connect(io, flags);
    const findings = (
      await Promise.all([
        lookAtHost(dataDir),
        lookAtExecutors(EXECUTORS_DIR, io.env, join(dataDir, "agents")),
        lookAtCoordinator(connection, io.signal),
      ])
    ).flat();
    const isWell = findings.every((finding) => finding.status !== "fail");
    if (flags.isOn("json")) printJson(io, { ok: isWell, findings });
    else printFindings(io, findings);
    return isWell ? EXIT_CODES.ok : EXIT_CODES.failed;
  },
};

function printFindings(io: Io, findings: readonly Finding[]): void {
  const width = Math.max(...findings.map((finding) => finding.name.length));
  for (const finding of findings) {
    const [sign, style] = LOOKS[finding.status];
    io.out(`${io.paint(style, sign)} ${finding.name.padEnd(width)}  ${toOneLine(finding.detail)}`);
    if (finding.status !== "ok") io.out(`  ${" ".repeat(width)}  ${io.paint("yellow", `→ ${toOneLine(finding.fix)}`)}`);
  }
}
