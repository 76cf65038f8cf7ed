// The labelling page: an article at a time, labelled by keys; every choice is saved at once.

import { Problem, request } from "../api.js";
import { capital } from "../decisions.js";
import { element, icon, ICONS } from "../dom.js";
import { themeToggle } from "../toggle.js";
import { meaning, withKeys } from "./keys.js";
import { fillCodebook, showAgreement, showOpinions, showSuggestions } from "./views.js";

const find = (id) => document.getElementById(id);
const MANY = 7; // more labels than this are shown without their definitions
let project = null;
let task = null;
let labels = [];
let session = null; // who began, with what; what the fields say counts at the next start
let desk = null;
let current = 0; // which unit of the article is labelled by the keys
let suggestions = new Map(); // by target: what the champion said, and whether it was asked before the choice
let busy = Promise.resolve();

const item = () => desk?.item ?? null;
const unit = () => item()?.units[current] ?? null;
const chosen = () => ({ task: task.name, annotator: find("annotator").value.trim(), pass: find("pass").value });
const suggests = () => task.champion && session?.pass !== "blind";
const nameOf = (code) => capital(labels.find((label) => label.code === code)?.name ?? code);

/** Do one thing after the other; what goes wrong is said, and nothing else happens. */
function act(work) {
  busy = busy.then(async () => {
    find("failure").hidden = true;
    try {
      await work();
    } catch (error) {
      // A promise that fails would take every later action with it.
      const said = error instanceof Problem ? error.message : `The page failed (${error}); load it again.`;
      find("failure").replaceChildren(icon(ICONS.warning), element("p", {}, said));
      find("failure").hidden = false;
    }
  });
  return busy;
}

/** Ask the server as who began; null when somebody chose another task or pass before it answered. */
async function send(path, more = {}) {
  const asking = session;
  const answer = await request(path, { ...asking, ...more });
  return session === asking ? answer : null;
}

async function start() {
  project = await request("v1/project");
  find("task").replaceChildren(...project.tasks.map((one) => element("option", { value: one.name }, one.title)));
  find("annotators").replaceChildren(...project.training.map((name) => element("option", { value: name })));
  find("task").value = project.chosen.task;
  find("pass").value = project.chosen.pass;
  find("annotator").value = project.chosen.annotator;
  choosePass();
  chooseTask();
  if (find("annotator").value) await begin();
  else find("annotator").focus();
}

function chooseTask() {
  task = project.tasks.find((one) => one.name === find("task").value);
  labels = withKeys(task);
  fillCodebook(find("definitions"), task, labels);
  find("codebook-text").textContent = project.codebook;
}

function choosePass() {
  const adjudicates = find("pass").value === "adjudicate";
  if (adjudicates) find("annotator").value = project.reference;
  else if (find("annotator").value === project.reference) find("annotator").value = "";
  find("annotator").readOnly = adjudicates;
}

async function begin() {
  const next = chosen();
  noteWho(next);
  const given = await request("v1/next", next);
  if (next.task !== task.name || next.pass !== find("pass").value) return; // changed before the answer came
  session = next;
  take(given);
}

function noteWho({ annotator: name }) {
  const counts = project.training.includes(name) || name === project.reference;
  find("who-note").textContent =
    name === "" || counts ? "" : `Labels by ${name} don't train a model yet: add the name to labels.training in params.yaml.`;
}

/** Stop until the next start. */
function end() {
  find("desk").hidden = true;
  desk = session = null;
}

/** Show what the server handed out. */
function take(given) {
  desk = given;
  suggestions = new Map();
  const open = item()?.units.findIndex((one) => one.label === "") ?? 0;
  current = Math.max(open, 0);
  find("desk").hidden = false;
  find("work").hidden = item() === null;
  find("done").hidden = item() !== null;
  find("saved").textContent = "";
  find("reason").textContent = "";
  showProgress();
  if (item() === null) {
    find("done-text").textContent = doneText();
    find("done-title").focus();
    return;
  }
  find("article-id").textContent = `Article ${item().article_id}`;
  find("place").textContent = item().place;
  find("headline").textContent = item().title || "Untitled article";
  find("headline").classList.toggle("untitled", item().title === "");
  find("subtitle").textContent = item().subtitle;
  find("body").textContent = item().text;
  find("reading").scrollTop = 0;
  draw();
  find("headline").focus();
}

const doneText = () =>
  ({
    label: "Every article has a label, or is with another annotator at present.",
    blind: "You have seen all that others labelled.",
    adjudicate: "All that two annotators labelled is settled.",
  })[session.pass];

function showProgress() {
  const whole = desk.labelled + desk.waiting;
  find("bar").max = Math.max(whole, 1);
  find("bar").value = desk.labelled;
  const put = desk.skipped > 0 ? `, ${desk.skipped} of them skipped` : "";
  find("progress").textContent = `${desk.labelled} labelled by you · ${desk.waiting} to go${put}`;
  showAgreement(find("agreement"), desk.agreement);
  find("undo").disabled = !desk.can_undo;
}

function draw() {
  find("targets").hidden = !task.has_targets;
  find("adding").hidden = session.pass !== "label";
  find("target-list").replaceChildren(...(task.has_targets ? item().units.map(targetRow) : []));
  find("choices-title").textContent = unit()?.target ? `${task.title} toward ${unit().target}` : task.title;
  find("choices").classList.toggle("many", labels.length > MANY);
  find("choices").replaceChildren(...labels.map(choiceRow));
  find("second-hint").hidden = !task.secondary;
  find("ask").hidden = !suggests();
  showOpinions(find("opinions"), find("opinion-list"), unit()?.others ?? [], nameOf);
  showSuggestions(find("suggestion"), suggestions);
}

function choiceRow(label) {
  const chosen = unit()?.label === label.code;
  const second = unit()?.second === label.code;
  const mark = second ? [element("span", { class: "mark" }, " second label")] : [];
  const button = element(
    "button",
    { type: "button", "aria-pressed": String(chosen), class: second ? "second" : "", title: label.definition },
    element("kbd", { "aria-hidden": "true" }, label.key.toUpperCase()),
    element("span", { class: "name" }, capital(label.name), ...mark),
    element("span", { class: "meaning" }, label.definition),
  );
  button.dataset.code = label.code;
  button.addEventListener("click", (event) => act(() => choose(label, event.shiftKey)));
  return element("li", {}, button);
}

function targetRow(one, index) {
  const given = one.label ? nameOf(one.label) : "not labelled";
  const pick = element(
    "button",
    { type: "button", class: "pick", "aria-pressed": String(index === current) },
    element("span", {}, one.target),
    element("span", { class: "given" }, given),
  );
  pick.addEventListener("click", () => move(index));
  const row = element("li", {}, pick);
  if (session.pass === "label" && !one.label && !one.required) {
    const edit = element("button", { type: "button", class: "small", "aria-label": `Edit target ${one.target}` }, "Edit");
    edit.addEventListener("click", () => {
      drop(index);
      find("target").value = one.target;
      find("target").focus();
    });
    const remove = element("button", { type: "button", class: "small", "aria-label": `Remove target ${one.target}` }, icon(ICONS.cross));
    remove.addEventListener("click", () => {
      drop(index);
      find("target").focus();
    });
    row.append(edit, remove);
  }
  return row;
}

function move(index) {
  current = Math.min(Math.max(index, 0), item().units.length - 1);
  draw();
  find("target-list").querySelectorAll(".pick")[current]?.focus();
}

function drop(index) {
  item().units.splice(index, 1);
  current = Math.max(0, Math.min(current, item().units.length - 1));
  draw();
}

function addTarget() {
  const name = find("target").value.trim().replace(/\s+/g, " ");
  const known = item().units.findIndex((one) => one.target.toLowerCase() === name.toLowerCase());
  find("target-note").textContent = name === "" ? "Type a target first." : known >= 0 ? "This target is already there." : "";
  if (find("target-note").textContent) return;
  item().units.push({ target: name, label: "", second: "", required: false, others: [] });
  find("target").value = "";
  move(item().units.length - 1);
}

/** Save a label, or with `asSecond` a second one beside it. */
async function choose(label, asSecond) {
  if (item() === null) return;
  const one = unit();
  if (one === null) throw new Problem("Add a target first.");
  if (asSecond && (!task.secondary || !one.label)) return;
  const takesSecond = asSecond && label.code !== one.label && label.code !== task.skip && one.label !== task.skip;
  if (asSecond && !takesSecond) return;
  const choice = asSecond
    ? { label: one.label, second: one.second === label.code ? "" : label.code }
    : { label: label.code, second: "" };
  const saved = await send("v1/decide", { article_id: item().article_id, target: one.target || null, ...choice });
  if (saved === null) return;
  Object.assign(one, { label: saved.label, second: saved.second });
  desk.can_undo = true;
  find("undo").disabled = false;
  const toward = one.target ? ` toward ${one.target}` : "";
  const second = one.second ? `, second ${nameOf(one.second)}` : "";
  find("saved").textContent = `Saved${toward}: ${nameOf(one.label)}${second}.`;
  find("reason").textContent = saved.reason && `Why it is on the list${toward && `,${toward}`}: ${saved.reason}`;
  const open = item().units.findIndex((other) => other.label === "");
  if (open >= 0 && !asSecond) move(open);
  else draw();
  if (open < 0) find("next").focus();
  if (suggests() && !suggestions.has(one.target)) await suggest(one, false);
}

/** Ask what the champion says; before the own choice only when a person asks. */
async function suggest(one, asked) {
  const targets = one.target ? [one.target] : [];
  const said = await send("v1/suggest", { article_id: item().article_id, targets, asked });
  if (said === null) return;
  suggestions.set(one.target, { ...said, asked });
  showSuggestions(find("suggestion"), suggestions);
}

async function ask() {
  const one = unit();
  if (one === null || !suggests()) return;
  if (!suggestions.has(one.target)) await suggest(one, one.label === "");
}

async function next() {
  if (item() === null) return;
  if (!item().units.some((one) => one.label)) throw new Problem("Label the article first, or skip it.");
  const open = item().units.find((one) => one.required && one.label === "");
  if (open) throw new Problem(`Label ${open.target ? `“${open.target}”` : "the article"} first, or skip the article.`);
  await goOn("v1/next");
}

/** Show what the server hands out, and say what was done. */
async function goOn(path, more, done = "") {
  const given = await send(path, more);
  if (given === null) return;
  take(given);
  find("saved").textContent = done;
}

const commands = {
  next: () => act(next),
  skip: () => act(async () => item() && goOn("v1/skip", { article_id: item().article_id })),
  undo: () => act(async () => desk?.can_undo && goOn("v1/undo", {}, "Taken back.")),
  ask: () => act(ask),
  forward: () => task.has_targets && item() && move(current + 1),
  back: () => task.has_targets && item() && move(current - 1),
};

addEventListener("keydown", (event) => {
  if (find("shortcuts").getAttribute("aria-pressed") !== "true" || desk === null) return;
  const meant = meaning(event, labels);
  if (meant === null || (item() === null && meant.command !== "undo")) return;
  event.preventDefault();
  if (meant.command) commands[meant.command]();
  else act(() => choose(meant.label, meant.second));
});

for (const name of ["next", "skip", "undo", "ask"]) find(name).addEventListener("click", commands[name]);
find("who").addEventListener("submit", (event) => {
  event.preventDefault();
  act(begin);
});
find("task").addEventListener("change", () => {
  chooseTask();
  end();
});
find("pass").addEventListener("change", () => {
  choosePass();
  end();
});
find("annotator").addEventListener("input", () => {
  if (session === null) return;
  if (find("annotator").value.trim() === session.annotator) noteWho(session);
  else find("who-note").textContent = `Labels are saved as ${session.annotator} until you press Start.`;
});
find("add").addEventListener("click", addTarget);
find("target").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  addTarget();
});
find("shortcuts").addEventListener("click", (event) => {
  const on = event.currentTarget.getAttribute("aria-pressed") === "true";
  event.currentTarget.setAttribute("aria-pressed", String(!on));
});
themeToggle(find("theme"));
act(start);
