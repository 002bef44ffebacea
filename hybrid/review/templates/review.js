"use strict";
// Texts of the file reach the page as text nodes only, their control characters as escapes (`hybrid/controls.py`); the
// fields in which they are edited hold them as they are.

const byId = (id) => document.getElementById(id);
const SAID = { accept: "Accepted", edit: "Edited", reject: "Rejected" };

let decisions = [];
let item = null;
// while a request is under way a key would decide on what nobody has seen yet
let busy = false;

const CONTROL = new RegExp("[\\0-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u206f" +
  "\\ufff9-\\ufffb\\ud800-\\udfff\\u{e0000}-\\u{e007f}]|\\r(?!\\n)", "gu");

function visible(text) {
  return text.replace(CONTROL, (char) => {
    const code = char.codePointAt(0).toString(16);
    if (code.length > 4) return `\\U${code.padStart(8, "0")}`;
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = visible(text);
  return made;
}

async function call(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error("Not saved: the command has ended. Run it again and open the address that it prints.");
  }
  const value = await reply.json();
  if (!reply.ok) throw new Error(value.error);
  return value;
}

function setBusy(value) {
  busy = value;
  byId("item").setAttribute("aria-busy", String(value));
}

async function alone(work) {
  if (busy) return;
  setBusy(true);
  try {
    tell(byId("problem"), "");
    await work();
  } catch (error) {
    tell(byId("problem"), error.message);
  } finally {
    setBusy(false);
  }
}

function tell(place, problem) {
  place.textContent = visible(problem);
  place.hidden = !problem;
}

function showOverview(overview) {
  decisions = overview.decisions;
  const { accept, edit, reject } = overview.counts;
  const done = accept + edit + reject;
  const bar = byId("bar");
  bar.setAttribute("aria-valuemax", String(decisions.length));
  bar.setAttribute("aria-valuenow", String(done));
  for (const part of bar.children) part.style.width = `${(100 * overview.counts[part.className]) / decisions.length}%`;
  const text = `${done} of ${decisions.length} reviewed: ${accept} accepted, ${edit} edited, ${reject} rejected`;
  bar.setAttribute("aria-valuetext", text);
  byId("counts").textContent = done === decisions.length ? `${text}. All done: you may close this page.` : text;
}

async function show(place, before) {
  item = await call(`items/${place}`);
  const label = item.label;
  const edited = label !== null && label.decision === "edit";
  stopEditing();
  byId("item").hidden = false;
  byId("where").replaceChildren(`Question ${place + 1} of ${decisions.length} `,
    ...item.tags.map((tag) => element("span", "tag", tag)), element("span", "", item.id));
  byId("stale").hidden = !item.stale;
  byId("question").textContent = visible(edited ? label.question : item.question);
  showAnswers(edited ? label.answers : item.answers);
  showLabel(label, edited);
  byId("others").hidden = Object.keys(item.others).length === 0;
  byId("others").querySelector("dl").replaceChildren(...Object.entries(item.others).flatMap(
    ([name, value]) => [element("dt", "", name), element("dd", "", value)]));
  byId("passages").replaceChildren(...item.notes.map((note) => element("p", "problem", note)),
    ...item.passages.map(passage), ...(item.passages.length + item.notes.length ? [] : [noPassage()]));
  window.scrollTo(0, 0);
  byId("said").textContent = [before, `Question ${place + 1} of ${decisions.length}: ${byId("question").textContent}`]
    .filter(Boolean).join(". ");
}

function showAnswers(answers) {
  const shown = answers.map((answer) => {
    const line = element("p", "answer", answer);
    line.dir = "auto";
    return line;
  });
  const none = item.answerable ? "No answer is given." : "None: the documents are not to say.";
  byId("answers").replaceChildren(element("h3", "", answers.length > 1 ? "Answers, each of them right" : "Answer"),
    ...(shown.length ? shown : [element("p", "", none)]));
}

function showLabel(label, edited) {
  const place = byId("label");
  place.hidden = label === null;
  if (label === null) return;
  const reason = document.querySelector(`[data-reason="${label.reason}"]`);
  const why = [reason && reason.lastChild.textContent.trim(), label.note].filter(Boolean).join(" – ");
  place.replaceChildren(element("span", `label ${label.decision}`, SAID[label.decision]), why ? visible(`: ${why}`) : "");
  if (edited) {
    place.append(element("br"), element("span", "soft", `before: ${item.question} – ${item.answers.join(" / ")}`));
  }
}

function passage(shown) {
  const article = element("article");
  const text = element("p", "text");
  text.dir = "auto";
  text.append(...shown.pieces.map(([piece, marked]) => (marked ? element("mark", "", piece) : visible(piece))));
  article.append(element("strong", "", shown.heading), element("small", "", shown.source), text);
  return article;
}

function noPassage() {
  return element("p", "soft", item.answerable ? "The record names no passage." : "No passage: nothing is to answer this.");
}

function nextUnreviewed(from) {
  const places = decisions.map((_, step) => (from + 1 + step) % decisions.length);
  const found = places.find((place) => decisions[place] === null);
  return found === undefined ? null : found;
}

async function decide(fields) {
  const overview = await call("labels", { id: item.id, record: item.record, ...fields });
  showOverview(overview);
  const next = nextUnreviewed(item.place);
  const said = SAID[overview.decisions[item.place]];
  const ended = next === null ? `${said}. All ${decisions.length} questions are reviewed` : said;
  await show(next === null ? item.place : next, ended);
}

async function undo() {
  const undone = await call("undo", {});
  showOverview(undone);
  await show(undone.place, "Undone");
}

function startEditing() {
  const edited = item.label !== null && item.label.decision === "edit";
  byId("reading").hidden = true;
  byId("editing").hidden = false;
  byId("todo").inert = true;
  byId("new-question").value = edited ? item.label.question : item.question;
  byId("new-answers").replaceChildren();
  for (const answer of [...(edited ? item.label.answers : item.answers), ""]) addAnswer(answer);
  byId("edit-note").value = item.label && item.label.note ? item.label.note : "";
  byId("new-question").focus();
}

function addAnswer(text) {
  const field = element("textarea");
  field.rows = Math.min(8, 1 + Math.floor(text.length / 60) + text.split("\n").length - 1);
  field.value = text;
  field.dir = "auto";
  field.setAttribute("aria-label", `Answer ${byId("new-answers").children.length + 1}`);
  byId("new-answers").append(field);
}

function stopEditing() {
  if (byId("editing").hidden) return;
  byId("editing").hidden = true;
  byId("reading").hidden = false;
  byId("todo").inert = false;
  byId("item").focus({ preventScroll: true });
}

function save() {
  alone(() => decide({
    decision: "edit", question: byId("new-question").value, note: byId("edit-note").value,
    answers: [...byId("new-answers").children].map((field) => field.value),
  }));
}

function reject(reason) {
  const note = byId("reject-note").value.trim();
  if (reason === "other" && !note) {
    tell(byId("reject-problem"), "Say in the note what is wrong, then press Enter.");
    byId("reject-note").focus();
    return;
  }
  byId("rejecting").close();
  alone(() => decide({ decision: "reject", reason, note }));
}

const COMMANDS = {
  a: () => alone(() => decide({ decision: "accept" })),
  e: startEditing,
  r: () => {
    byId("reject-note").value = "";
    tell(byId("reject-problem"), "");
    byId("rejecting").showModal();
  },
  u: () => alone(undo),
  j: () => alone(() => show(Math.min(item.place + 1, decisions.length - 1))),
  k: () => alone(() => show(Math.max(item.place - 1, 0))),
  n: () => alone(async () => {
    const next = nextUnreviewed(item.place);
    await show(next === null ? item.place : next, next === null ? "All questions are reviewed" : "");
  }),
  "?": () => byId("help").showModal(),
};
COMMANDS.ArrowRight = COMMANDS.j;
COMMANDS.ArrowLeft = COMMANDS.k;

function run(key) {
  if (item !== null && !busy && byId("editing").hidden && !document.querySelector("dialog[open]")) COMMANDS[key]();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea");
  if (event.key === "Escape" && !byId("editing").hidden) {
    stopEditing();
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !byId("editing").hidden) {
    event.preventDefault();
    save();
  } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat) {
    const reasons = byId("rejecting").querySelectorAll("[data-reason]");
    if (byId("rejecting").open) {
      if (/^[1-9]$/.test(event.key) && reasons[event.key - 1]) {
        event.preventDefault();
        reject(reasons[event.key - 1].dataset.reason);
      }
    } else if (Object.hasOwn(COMMANDS, event.key)) {
      // the key must not be typed into the field that it opens
      event.preventDefault();
      run(event.key);
    }
  }
});
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => run(button.dataset.key));
}
for (const button of document.querySelectorAll("[data-reason]")) {
  button.addEventListener("click", () => reject(button.dataset.reason));
}
byId("reject-note").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  reject("other");
});
byId("new-answers").addEventListener("input", (event) => {
  if (event.target === byId("new-answers").lastChild && event.target.value) addAnswer("");
});
byId("editing").addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
byId("cancel").addEventListener("click", stopEditing);

alone(async () => {
  showOverview(await call("overview"));
  const first = nextUnreviewed(-1);
  await show(first === null ? 0 : first);
});
