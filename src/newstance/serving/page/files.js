// Articles from files and from the clipboard.

import { Problem } from "./api.js";

const LARGEST = 2_000_000; // bytes; far above any article, far below what would freeze the page

/** Read a dropped or chosen file into {title, text, targets}. */
export async function readArticle(file) {
  if (!/\.(txt|json)$/i.test(file.name)) throw new Problem(`“${file.name}” is neither a .txt nor a .json file.`);
  if (file.size > LARGEST) throw new Problem(`“${file.name}” is larger than 2 MB, which is no single article.`);
  const text = decode(await file.arrayBuffer(), file.name);
  return /\.json$/i.test(file.name) ? fromJson(text, file.name) : splitTitle(text);
}

function decode(bytes, name) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(`“${name}” is not UTF-8 text; save it as UTF-8.`);
  }
}

function fromJson(text, name) {
  let read;
  try {
    read = JSON.parse(text);
  } catch {
    throw new Problem(`“${name}” is not valid JSON.`);
  }
  const { title = "", text: body, targets } = read ?? {};
  if (typeof body !== "string" || typeof title !== "string") {
    throw new Problem(`“${name}” needs a “text” and may have a “title”, both of them strings.`);
  }
  const wanted = Array.isArray(targets) ? targets.filter((target) => typeof target === "string") : [];
  return { title, text: body, targets: wanted };
}

/** Take the first line as the title. */
export function splitTitle(text) {
  const [, title, body] = /^\s*([^\n\r]*)([^]*)$/.exec(text);
  return { title: title.trim(), text: body.trim(), targets: [] };
}

/** Whether a pasted text begins with a headline: a short line with more under it. */
export function beginsWithHeadline(text) {
  const { title, text: body } = splitTitle(text);
  return body !== "" && title.length <= 200 && !/[.,;:]$/.test(title);
}
