// The toolbar writes Markdown around the selection; macros go in at the cursor. Undo keeps working.
const MARKS = {
  bold: ["**", "**"],
  italic: ["_", "_"],
  code: ["`", "`"],
  link: ["[", "](https://)"],
};
const KEYS = { b: "bold", i: "italic" };

export function attach(form, field) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-mark], [data-macro]");
    if (!button) return;
    if (button.dataset.mark) mark(field, button.dataset.mark);
    else insert(field, button.dataset.macro);
  });
  field.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    mark(field, KEYS[event.key]);
  });
  if (!CSS.supports("field-sizing: content")) autosize(field);
}

export function insert(field, words) {
  field.focus();
  // The one way that keeps the browser's undo; where it is gone, set the text directly.
  if (!document.execCommand("insertText", false, words)) {
    field.setRangeText(words, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function mark(field, name) {
  const { selectionStart: start, selectionEnd: end } = field;
  const words = field.value.slice(start, end);
  if (name === "list") return insert(field, words.replace(/^/gm, "- "));
  const [left, right] = name === "code" && words.includes("\n") ? ["```\n", "\n```"] : MARKS[name];
  insert(field, left + words + right);
  field.setSelectionRange(start + left.length, start + left.length + words.length);
}

function autosize(field) {
  const fit = () => { field.style.height = "auto"; field.style.height = `${field.scrollHeight}px`; };
  field.addEventListener("input", fit);
  fit();
}
