// The article as it was sent, with the evidence of one decision marked in it.

import { calm, element, percent } from "./dom.js";

/** Show the article without marks. */
export function showArticle(parts, article) {
  parts.headline.textContent = article.title || "Untitled article";
  parts.headline.classList.toggle("untitled", article.title === "");
  parts.body.textContent = article.text;
  parts.caption.replaceChildren();
}

/** Mark a decision's evidence; without a decision, no marks. */
export function markEvidence(parts, article, decision, sentence) {
  showArticle(parts, article);
  if (!decision) return;
  const strongest = Math.max(...decision.evidence.map((item) => Math.abs(item.weight)), 0);
  for (const [field, place] of [["title", parts.headline], ["text", parts.body]]) {
    const marked = decision.evidence.filter((item) => item.field === field);
    if (marked.length > 0) place.replaceChildren(...pieces(article[field], marked, strongest));
  }
  parts.caption.append(
    element("strong", {}, sentence),
    element("span", { class: "key toward" }, "pulls toward it"),
    element("span", { class: "key away" }, "pulls away"),
  );
}

/** Bring the mark of an evidence sentence into view. */
export function showMark(parts, evidence) {
  const selector = `mark[data-place="${evidence.field}:${evidence.start}"]`;
  const mark = parts.reading.querySelector(selector);
  mark?.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
  mark?.animate?.({ outlineColor: ["currentColor", "transparent"] }, calm() ? 0 : 1200);
}

/** Cut a text at the evidence. Offsets count characters (code points), which JavaScript's own indices don't. */
function pieces(text, evidence, strongest) {
  const characters = Array.from(text);
  const cut = (start, end) => characters.slice(start, end).join("");
  const made = [];
  let position = 0;
  for (const item of [...evidence].sort((one, other) => one.start - other.start)) {
    if (item.start < position) continue; // sentences don't overlap; should they, the first one stands
    made.push(cut(position, item.start), mark(item, cut(item.start, item.end), strongest));
    position = item.end;
  }
  made.push(cut(position));
  return made;
}

function mark(item, text, strongest) {
  const made = element("mark", { class: pull(item), "data-share": percent(Math.abs(item.weight)) }, text);
  made.dataset.place = `${item.field}:${item.start}`;
  made.style.setProperty("--strength", strongest > 0 ? Math.abs(item.weight) / strongest : 0);
  return made;
}

/** Whether a sentence pulls toward the decision or away from it. */
export const pull = (item) => (item.weight < 0 ? "away" : "toward");
