// One article: the form, then the article with its decisions.

import { Problem, request } from "./api.js";
import { abstention, bars, capital, evidenceList, labelsOf, scale, titleOf } from "./decisions.js";
import { element, icon, ICONS, percent } from "./dom.js";
import { EXAMPLES } from "./examples.js";
import { beginsWithHeadline, readArticle, splitTitle } from "./files.js";
import { markEvidence, showArticle, showMark } from "./reading.js";
import { Targets } from "./targets.js";

const REFERENCES = ["id", "for", "aria-labelledby", "aria-describedby", "aria-controls"];

export class Pane {
  /** The last answer, or null. */
  answer = null;
  #article = null; // what the answer is about
  #chosen = null; // the decision whose evidence stays marked
  #running = null;
  #choosers = [];

  /**
   * `letter` is the pane's name, `models` returns the schemes (a promise), `answered` is called after every change of
   * the answer.
   */
  constructor(letter, models, answered) {
    this.letter = letter;
    this.models = models;
    this.answered = answered;
    this.root = stamp(letter);
    this.parts = Object.fromEntries([...this.root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    this.targets = new Targets(this.parts, () => this.#targetsChanged());
    this.parts.examples.append(...EXAMPLES.map((example) => this.#exampleButton(example)));
    this.#listen();
  }

  /** Name the article, where two are compared. */
  rename(name) {
    this.parts.heading.textContent = name;
    this.parts["result-title"].textContent = name === "Article" ? "Result" : `Result for ${name.toLowerCase().replace(/ (.)$/, (end) => end.toUpperCase())}`;
  }

  #listen() {
    const { parts, root } = this;
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.targets.finishTyping();
      this.analyse({ moveFocus: true });
    });
    root.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) root.requestSubmit();
    });
    for (const field of [parts.title, parts.text]) {
      field.addEventListener("input", () => this.#textChanged());
      field.addEventListener("paste", (event) => this.#paste(event));
    }
    parts.open.addEventListener("click", () => parts.file.click());
    parts.file.addEventListener("change", () => this.#take(parts.file.files));
    parts.edit.addEventListener("click", () => this.edit());
    parts.clear.addEventListener("click", () => this.fill({ title: "", text: "", targets: [] }));
    root.addEventListener("dragover", (event) => {
      event.preventDefault();
      root.classList.add("dragging");
    });
    root.addEventListener("dragleave", (event) => root.contains(event.relatedTarget) || root.classList.remove("dragging"));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      root.classList.remove("dragging");
      this.#drop(event.dataTransfer);
    });
  }

  #exampleButton(example) {
    const button = element("button", { type: "button" }, example.name);
    button.addEventListener("click", () => this.fill({ ...example, targets: [] }));
    return button;
  }

  /** Put an article into the form. */
  fill({ title, text, targets }) {
    this.#running?.abort();
    this.parts.title.value = title;
    this.parts.text.value = text;
    this.targets.set(targets);
    this.#forget();
    this.#mode(true);
    (text === "" ? this.parts.title : this.parts.analyse).focus();
  }

  /** Show the form instead of the article. */
  edit() {
    this.#mode(true);
    this.parts.text.focus();
  }

  #mode(editing) {
    this.parts.editor.hidden = !editing;
    this.parts.submit.hidden = !editing;
    this.parts.reading.hidden = editing;
    this.parts.again.hidden = editing;
    this.parts.guide.open = editing;
    this.root.classList.toggle("read", !editing);
  }

  #textChanged() {
    this.targets.dropProposed();
    this.#forget();
  }

  /** Results belong to a text: when that changes, they go. */
  #forget() {
    this.answer = null;
    this.#chosen = null;
    this.parts.results.replaceChildren();
    this.parts.status.textContent = "";
    this.#clearFailure();
    this.answered();
  }

  #paste(event) {
    const pasted = event.clipboardData.getData("text/plain");
    const empty = this.parts.title.value === "" && this.parts.text.value === "";
    if (!empty || !beginsWithHeadline(pasted)) return;
    event.preventDefault();
    this.fill(splitTitle(pasted));
  }

  #drop(transfer) {
    if (transfer.files.length > 0) this.#take(transfer.files);
    else if (transfer.getData("text/plain")) this.fill(splitTitle(transfer.getData("text/plain")));
  }

  async #take(files) {
    try {
      if (files.length > 1) throw new Problem("Drop one file at a time; a second article goes beside the first.");
      if (files.length === 1) this.fill(await readArticle(files[0]));
    } catch (error) {
      this.#fail(error);
    }
    this.parts.file.value = "";
  }

  #targetsChanged() {
    if (!this.parts.reading.hidden) this.analyse({ moveFocus: false });
  }

  /** Ask the server and show its answer, or what went wrong. */
  async analyse({ moveFocus }) {
    const article = { title: this.parts.title.value, text: this.parts.text.value, targets: this.targets.wanted };
    if (article.text.trim() === "") {
      this.#fail(new Problem("There is no text yet: paste an article, open a file or pick an example."));
      this.parts.text.focus();
      return;
    }
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.#busy(true);
    try {
      const answer = await request("v1/predict", article, running.signal);
      const schemes = await this.models(answer.version);
      if (running.signal.aborted) return;
      this.#show(article, answer, schemes, moveFocus);
    } catch (error) {
      if (!running.signal.aborted) this.#fail(error);
    } finally {
      if (this.#running === running) this.#busy(false);
    }
  }

  #busy(busy) {
    this.root.setAttribute("aria-busy", String(busy));
    if (busy) {
      this.#clearFailure();
      this.parts.status.textContent = "Analysing…";
    } else if (this.parts.status.textContent === "Analysing…") {
      this.parts.status.textContent = "";
    }
  }

  #clearFailure() {
    this.parts.failure.hidden = true;
    this.parts.failure.replaceChildren();
  }

  #fail(error) {
    const known = error instanceof Problem;
    if (!known) console.error(error);
    const sentence = known ? error.message : "The page could not show the answer; reload it and try again.";
    this.parts.failure.replaceChildren(icon(ICONS.warning), element("p", {}, sentence));
    this.parts.failure.hidden = false;
    if (known && error.again) {
      const again = element("button", { type: "button" }, "Try again");
      again.addEventListener("click", () => this.analyse({ moveFocus: true }));
      this.parts.failure.append(again);
    }
  }

  #show(article, answer, schemes, moveFocus) {
    this.answer = answer;
    this.#article = article;
    this.#choosers = [];
    this.#chosen = null;
    if (article.targets === null) this.targets.propose(answer.targets.map((target) => target.target));
    showArticle(this.parts, article);
    this.#mode(false);
    const sections = answer.abstain ? [abstention(answer.abstain)] : [];
    for (const [name, decision] of Object.entries(answer.labels)) sections.push(this.#labelSection(name, decision, schemes));
    for (const target of answer.targets) sections.push(this.#targetSection(target, schemes));
    this.parts.results.replaceChildren(...sections);
    this.#choosers[0]?.();
    this.parts.status.textContent = summary(answer, schemes);
    if (moveFocus) this.parts["result-title"].focus();
    this.answered();
  }

  #labelSection(name, decision, schemes) {
    const labels = labelsOf(schemes, name, decision);
    const title = titleOf(schemes, name);
    const definition = labels.find((label) => label.code === decision.label)?.definition;
    const head = [
      element("h3", {}, element("span", { class: "kicker" }, title), verdict(decision)),
      ...(definition ? [element("p", { class: "definition" }, `${capital(definition)}.`)] : []),
    ];
    return element("section", { class: "article-labels" }, this.#decision(decision, `${title}: ${decision.name}`, ...head, bars(labels, decision)));
  }

  #targetSection(target, schemes) {
    const tags = target.proposed ? [element("span", { class: "tag" }, "proposed")] : [];
    const heading = element("h3", {}, element("span", { class: "target-name" }, target.target), ...tags);
    const guess = element("p", { class: "guess" }, icon(ICONS.warning), "No sentence names this target, so this is a guess.");
    const decisions = Object.entries(target.labels).map(([name, decision]) => {
      const title = titleOf(schemes, name);
      const head = element("h4", {}, element("span", { class: "kicker" }, title), verdict(decision));
      return this.#decision(decision, `${title} toward ${target.target}: ${decision.name}`, head, scale(labelsOf(schemes, name, decision), decision));
    });
    return element("section", { class: "target" }, heading, ...(target.mentioned ? [] : [guess]), ...decisions);
  }

  /** A decision with its evidence: pointing at it or focusing it marks the evidence, choosing it keeps it marked. */
  #decision(decision, words, ...head) {
    const list = evidenceList(decision, (item) => {
      mark();
      showMark(this.parts, item);
    });
    const button = element("button", { type: "button", class: "why", "aria-expanded": "false" }, "Show the evidence", element("span", { class: "sr" }, ` for ${words}`));
    const root = element("div", { class: "decision" }, ...head, button, list);
    const mark = () => markEvidence(this.parts, this.#article, decision, words);
    const choose = (chosen) => {
      root.classList.toggle("chosen", chosen);
      button.setAttribute("aria-expanded", String(chosen));
      button.firstChild.textContent = chosen ? "Hide the evidence" : "Show the evidence";
      list.hidden = !chosen;
    };
    const chooser = () => {
      const before = this.#chosen;
      before?.choose(false);
      this.#chosen = before?.root === root ? null : { root, choose, mark };
      this.#chosen?.choose(true);
      this.#restore();
    };
    choose(false);
    button.addEventListener("click", chooser);
    root.addEventListener("pointerenter", mark);
    root.addEventListener("focusin", mark);
    root.addEventListener("pointerleave", () => this.#restore());
    root.addEventListener("focusout", () => this.#restore());
    this.#choosers.push(chooser);
    return root;
  }

  /** Go back to the marks of the chosen decision. */
  #restore() {
    if (this.#chosen) this.#chosen.mark();
    else if (this.#article) showArticle(this.parts, this.#article);
  }
}

function verdict(decision) {
  const code = decision.medtop ? [element("span", { class: "medtop" }, `IPTC ${decision.medtop}`)] : [];
  const words = element("span", { class: "verdict" }, capital(decision.name));
  return element("span", { class: "said" }, words, element("span", { class: "chance" }, percent(decision.probability)), ...code);
}

/** An answer in one sentence, for the live region. */
function summary(answer, schemes) {
  if (answer.abstain) return `Not labelled. ${answer.abstain.detail}`;
  const said = Object.entries(answer.labels).map(([name, decision]) => `${titleOf(schemes, name)}: ${decision.name}, ${percent(decision.probability)}.`);
  for (const { target, labels } of answer.targets) {
    for (const [name, decision] of Object.entries(labels)) {
      said.push(`${titleOf(schemes, name)} toward ${target}: ${decision.name}, ${percent(decision.probability)}.`);
    }
  }
  return said.join(" ");
}

/** A copy of the pane's template whose ids are its own. */
function stamp(letter) {
  const root = document.getElementById("pane").content.firstElementChild.cloneNode(true);
  for (const part of [root, ...root.querySelectorAll("*")]) {
    for (const name of REFERENCES) {
      const value = part.getAttribute(name);
      if (value) part.setAttribute(name, value.split(" ").map((id) => `${letter}-${id}`).join(" "));
    }
  }
  return root;
}
