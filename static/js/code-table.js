// Counts the selected codes, and selects all of a page. Without script the boxes and "Select all" work alone.
const form = document.querySelector("[data-code-form]");

if (form) {
  const boxes = [...form.querySelectorAll('input[name="code"]')];
  const every = form.querySelector("#id_every");
  const count = form.querySelector("[data-count]");
  let last = null;

  const show = () => {
    const number = boxes.filter((box) => box.checked).length;
    count.hidden = every.checked || number === 0;
    count.textContent = number === 1 ? count.dataset.one : count.dataset.many.replace("{count}", number);
    for (const box of boxes) box.closest("tr").classList.toggle("chosen", every.checked || box.checked);
  };

  // With the shift key, all boxes from the last one to this one follow it.
  form.addEventListener("click", (event) => {
    const at = boxes.indexOf(event.target);
    if (at < 0) return;
    if (event.shiftKey && last !== null) {
      const [first, end] = [Math.min(last, at), Math.max(last, at)];
      for (const box of boxes.slice(first, end + 1)) box.checked = event.target.checked;
    }
    last = at;
    show();
  });
  form.addEventListener("change", show);
  show();
}
