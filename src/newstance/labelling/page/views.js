// Parts of the labelling page that only show: codebook, agreement, what others chose, what the champion says.

import { capital } from "../decisions.js";
import { element, percent } from "../dom.js";

/** Every label with its key, definition and examples. */
export function fillCodebook(place, task, labels) {
  const rows = labels.flatMap((label) => [
    element("dt", {}, `${capital(label.name)}${label.key ? ` (${label.key.toUpperCase()})` : ""}`),
    element("dd", {}, label.definition, ...(label.examples ?? []).map((one) => element("p", { class: "example" }, `“${one}”`))),
  ]);
  place.replaceChildren(element("section", {}, element("h2", {}, task.title), element("dl", {}, ...rows)));
}

/** How far the annotator agrees with others on what both labelled. */
export function showAgreement(place, agreement) {
  place.textContent = agreement
    .map(({ annotator, units, share, kappa }) => {
      const beyond = kappa === null ? "" : `, kappa ${kappa.toFixed(2)}`;
      return `Agreement with ${annotator}: ${percent(share)} of ${units}${beyond}`;
    })
    .join(" · ");
}

/** What the annotators chose, side by side, and whether they agree. */
export function showOpinions(section, list, opinions, nameOf) {
  section.hidden = opinions.length === 0;
  const cards = opinions.map(({ annotator, label, second }) =>
    element(
      "div",
      { class: "opinion" },
      element("span", { class: "kicker" }, annotator),
      element("p", { class: "verdict" }, nameOf(label)),
      ...(second ? [element("p", {}, `second: ${nameOf(second)}`)] : []),
    ),
  );
  const same = new Set(opinions.map(({ label, second }) => `${label} ${second}`)).size === 1;
  list.replaceChildren(...cards);
  section.querySelector(".verdict-line")?.remove();
  section.append(element("p", { class: "verdict-line" }, same ? "They agree." : "They disagree."));
}

/** What the champion says, by target, and whether it was asked before the choice. */
export function showSuggestions(place, suggestions) {
  place.hidden = suggestions.size === 0;
  const lines = [...suggestions].flatMap(([target, said]) => [
    ...said.suggestions.map((one) => element("p", {}, sentence(target, one))),
    ...(said.abstains ? [element("p", {}, `The champion abstains: ${said.abstains}`)] : []),
    ...(said.asked ? [element("p", { class: "asked" }, "You asked before you chose: your label may lean on it.")] : []),
  ]);
  place.replaceChildren(...lines);
}

function sentence(target, { name, probability, mentioned }) {
  const toward = target ? ` toward ${target}` : "";
  const guess = mentioned ? "" : "; no sentence names the target, so this is a guess";
  return `The champion says${toward}: ${name} (${percent(probability)})${guess}.`;
}
