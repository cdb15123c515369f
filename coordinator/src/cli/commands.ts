/** Every command of the command line, in the order of the help page. */
import type { Command } from "./command.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { explainCommand } from "./commands/explain.ts";
import { createHelpCommand } from "./commands/help.ts";
import { runnersCommand } from "./commands/list-runners.ts";
import { runsCommand } from "./commands/list-runs.ts";
import { sessionsCommand } from "./commands/list-sessions.ts";
import { runCommand } from "./commands/run.ts";
import { sendCommand } from "./commands/send.ts";
import { logsCommand } from "./commands/show-logs.ts";
import { treeCommand } from "./commands/show-tree.ts";
import { stopCommand } from "./commands/stop.ts";
import { upCommand } from "./commands/up.ts";

export const commands: readonly Command[] = [
  upCommand,
  runCommand,
  sendCommand,
  runsCommand,
  sessionsCommand,
  treeCommand,
  logsCommand,
  explainCommand,
  stopCommand,
  runnersCommand,
  doctorCommand,
  createHelpCommand(() => commands),
];
