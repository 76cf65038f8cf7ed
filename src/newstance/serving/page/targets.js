// The targets of an article: what the person asked for, or else what the server proposed.

import { element, icon, ICONS } from "./dom.js";

const MOST = 16;

export class Targets {
  #names = [];
  #proposed = false; // whether the names are the server's
  #parts;
  #changed;

  /** `parts` are the pane's elements; `changed` is called after a person adds or removes a target. */
  constructor(parts, changed) {
    this.#parts = parts;
    this.#changed = changed;
    parts.add.addEventListener("click", () => this.#addTyped());
    parts.target.addEventListener("keydown", (event) => this.#key(event));
    this.#draw();
  }

  /** What to ask the server for; null lets it propose. */
  get wanted() {
    return this.#proposed || this.#names.length === 0 ? null : [...this.#names];
  }

  get names() {
    return [...this.#names];
  }

  /** Ask for these targets, at most 16. */
  set(names) {
    this.#names = names.slice(0, MOST);
    this.#proposed = false;
    this.#draw();
  }

  /** Show what the server proposed. */
  propose(names) {
    this.#names = [...names];
    this.#proposed = true;
    this.#draw();
  }

  /** Drop proposals, which belonged to another text. */
  dropProposed() {
    if (this.#proposed) this.set([]);
  }

  /** Take in what was typed and not yet added. */
  finishTyping() {
    if (this.#parts.target.value.trim()) this.#add(this.#parts.target.value);
  }

  #key(event) {
    const { target } = this.#parts;
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && target.value.trim()) {
      event.preventDefault();
      this.#addTyped();
    } else if (event.key === "Backspace" && target.value === "" && this.#names.length > 0) {
      this.#remove(this.#names.length - 1);
    }
  }

  #addTyped() {
    this.#parts.target.focus();
    if (this.#add(this.#parts.target.value)) this.#changed();
  }

  #add(typed) {
    const name = typed.trim().replace(/\s+/g, " ");
    const known = this.#names.find((other) => other.toLowerCase() === name.toLowerCase());
    if (name === "") return this.#refuse("Type a target first.");
    if (known) return this.#refuse(`“${known}” is already there.`);
    if (this.#names.length >= MOST) return this.#refuse(`${MOST} targets are the most; remove one first.`);
    this.#parts.target.value = "";
    this.set([...this.#names, name]); // proposals that stand when one is added are wanted too
    return true;
  }

  #refuse(sentence) {
    this.#draw();
    this.#parts["target-note"].textContent = sentence;
    return false;
  }

  #remove(index) {
    this.set(this.#names.filter((_, place) => place !== index));
    const buttons = this.#parts.chips.querySelectorAll("button");
    (buttons[Math.min(index, buttons.length - 1)] ?? this.#parts.target).focus();
    this.#changed();
  }

  #draw() {
    this.#parts["target-note"].textContent = "";
    this.#parts.chips.replaceChildren(...this.#names.map((name, index) => this.#chip(name, index)));
  }

  #chip(name, index) {
    const button = element("button", { type: "button", "aria-label": `Remove target ${name}` }, icon(ICONS.cross));
    button.addEventListener("click", () => this.#remove(index));
    const label = element("span", { class: "name" }, name);
    const kind = this.#proposed ? [element("span", { class: "tag" }, "proposed")] : [];
    return element("li", { class: this.#proposed ? "chip proposed" : "chip" }, label, ...kind, button);
  }
}
