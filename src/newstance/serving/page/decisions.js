// Decisions drawn: bars for the labels of an article, a scale for the labels of a target.

import { element, icon, ICONS, percent } from "./dom.js";
import { pull } from "./reading.js";

/** What to tell a person whose article was not labelled: why in plain words, and what to do. */
const ABSTENTIONS = {
  "too-short": ["This text is too short to judge", "Paste the whole article: the headline and at least a few paragraphs."],
  "not-english": ["This doesn't read like English", "Paste an English article or a translation; the models learned from English news alone."],
  "not-news-like": ["This doesn't read like a news article", "Paste the running text of an article, without menus, tables, lists or code."],
  "out-of-distribution": ["This is unlike the articles that the models learned from", "Labels would be guesses. Try the complete article, or judge this one yourself."],
};
const UNKNOWN_ABSTENTION = ["This article was not labelled", "Try the complete text of a news article."];

/** The labels of a scheme, in order; where the scheme is unknown, what the decision itself says. */
export function labelsOf(schemes, name, decision) {
  const known = schemes[name]?.labels ?? [];
  const codes = new Set(known.map((label) => label.code));
  const others = Object.keys(decision.probabilities).filter((code) => !codes.has(code));
  return [...known, ...others.map((code) => ({ code, name: code.replaceAll("_", " ") }))];
}

/** A scheme's heading. */
export const titleOf = (schemes, name) => schemes[name]?.title ?? capital(name.replaceAll("_", " "));

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Every label's probability as a bar, likeliest first. */
export function bars(labels, decision) {
  const top = new Set(decision.top.map((score) => score.label));
  const chance = (label) => decision.probabilities[label.code] ?? 0;
  const sorted = [...labels].sort((one, other) => chance(other) - chance(one));
  const rows = sorted.map((label) => {
    const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span"));
    bar.firstChild.style.setProperty("--share", chance(label));
    const emphasis = label.code === decision.label ? "best" : top.has(label.code) ? "top" : "rest";
    const name = element("span", { class: "name" }, capital(label.name));
    return element("li", { class: emphasis }, name, bar, element("span", { class: "share" }, percent(chance(label))));
  });
  return element("ol", { class: "bars" }, ...rows);
}

/** Where labels lie between -1 (the first) and 1 (the last). */
const place = (index, count) => (count > 1 ? (2 * index) / (count - 1) - 1 : 0);

/** The expected place on the scale from the first label (-1) to the last (1). */
export function balance(labels, decision) {
  return labels.reduce(
    (sum, label, index) => sum + (decision.probabilities[label.code] ?? 0) * place(index, labels.length),
    0,
  );
}

/** A diverging bar: shares of the first labels reach to the left of the middle, of the last ones to the right. */
export function scale(labels, decision) {
  const shares = labels.map((label) => decision.probabilities[label.code] ?? 0);
  const places = labels.map((_, index) => place(index, labels.length));
  const leftward = shares.map((share, index) => (places[index] < 0 ? share : places[index] === 0 ? share / 2 : 0));
  let start = -leftward.reduce((sum, share) => sum + share, 0);
  const segments = shares.map((share, index) => {
    const segment = element("span", { class: `segment ${side(places[index])}` });
    segment.style.setProperty("--start", start);
    segment.style.setProperty("--share", share);
    segment.style.setProperty("--depth", Math.abs(places[index]));
    start += share;
    return segment;
  });
  const track = axis(...segments, marker(balance(labels, decision)));
  const legend = labels.map((label, index) => {
    const swatch = element("span", { class: `swatch ${side(places[index])}`, "aria-hidden": "true" });
    swatch.style.setProperty("--depth", Math.abs(places[index]));
    const chosen = label.code === decision.label ? "best" : "rest";
    return element("li", { class: chosen }, swatch, `${label.name} `, element("span", { class: "share" }, percent(shares[index])));
  });
  return element("div", { class: "scale" }, track, element("ul", { class: "legend" }, ...legend));
}

const side = (where) => (where < 0 ? "first" : where > 0 ? "last" : "middle");

/** The line from the first label to the last with its middle, and what stands on it. */
export function axis(...children) {
  return element("div", { class: "track", "aria-hidden": "true" }, element("span", { class: "centre" }), ...children);
}

/** A mark at a place between -1 and 1; a letter tells the two of a comparison apart. */
export function marker(where, letter = "") {
  const made = element("span", { class: letter ? "marker lettered" : "marker" }, letter);
  made.style.setProperty("--start", where);
  return made;
}

/** Why an article has no labels. */
export function abstention(abstain) {
  const [heading, advice] = ABSTENTIONS[abstain.reason] ?? UNKNOWN_ABSTENTION;
  return element(
    "section",
    { class: "abstention" },
    icon(ICONS.pause),
    element("h3", {}, heading),
    element("p", {}, abstain.detail),
    element("p", {}, element("strong", {}, "What to do: "), advice),
  );
}

/** The sentences that moved a decision; `show` is called with the one a person chooses. */
export function evidenceList(decision, show) {
  if (decision.evidence.length === 0) {
    return element("p", { class: "evidence" }, "No single sentence moved this decision.");
  }
  const items = decision.evidence.map((item) => {
    const direction = pull(item);
    const quote = element("button", { type: "button", class: "quote" }, item.text);
    quote.addEventListener("click", () => show(item));
    const share = percent(Math.abs(item.weight));
    const words = direction === "toward" ? `${share} of the pull, toward “${decision.name}”` : `${share} of the pull, away from “${decision.name}”`;
    const note = item.field === "title" ? `${words}, in the headline` : words;
    return element("li", { class: direction }, element("span", { class: "share" }, icon(ICONS[direction]), note), quote);
  });
  return element("ol", { class: "evidence" }, ...items);
}
