/** The contents of messages: a string or a list of blocks, of which only a few kinds matter here. */
import { z } from "zod";

const blockSchema = z.looseObject({ type: z.string() });
export type Block = z.infer<typeof blockSchema>;

export const contentSchema = z.union([z.string(), z.array(blockSchema)]);

/** What a person wrote: the CLI adds its own reminders to user texts. */
export function withoutReminders(text: string): string {
  return text.replaceAll(/<system-reminder>[\s\S]*?<\/system-reminder>/g, "").trim();
}

/** A string counts as one text block; what is no block is left out. */
export function blocksOf(content: unknown): readonly Block[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? content.filter((item): item is Block => blockSchema.safeParse(item).success) : [];
}

/** All text of a content, whether a string or blocks. */
export function textOf(content: unknown): string {
  return blocksOf(content)
    .filter((block) => block.type === "text")
    .map((block) => String(block.text))
    .join("\n");
}
