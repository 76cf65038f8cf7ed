// Which key gives which label: 1 to 9, then letters that no command has; 0 marks what is no article.

const DIGITS = [..."123456789"];
const COMMANDS = { s: "skip", u: "undo", "?": "ask", j: "forward", k: "back" };
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"].filter((letter) => !(letter in COMMANDS));

/** The labels of a task, each with its key. */
export function withKeys(task) {
  const keys = [...DIGITS, ...LETTERS];
  const labels = task.labels.map((label, index) => ({ ...label, key: keys[index] ?? "" }));
  if (task.skip) labels.push({ code: task.skip, name: "no article", definition: "a text that is no article", key: "0" });
  return labels;
}

/** What a key press means: a label with whether it is the second one, a command, or null. */
export function meaning(event, labels) {
  // A key that is held down meant one thing.
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return null;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return null;
  // Shift, or the layout, changes what a digit's key types; its place on the keyboard stays. A key of the number pad
  // types a digit only while Num Lock is on.
  const typed = /^Digit(\d)$/.exec(event.code)?.[1] ?? event.key.toLowerCase();
  const label = labels.find((one) => one.key !== "" && one.key === typed);
  if (label) return { label, second: event.shiftKey };
  if (typed in COMMANDS) return { command: COMMANDS[typed] };
  return event.key === "Enter" && !event.target.closest("button, a, summary") ? { command: "next" } : null;
}
