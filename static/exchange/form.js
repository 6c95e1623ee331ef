// Keeps what was typed into a long form in this browser tab until the server has it, and offers it again:
// after a session that ended, a closed connection, or a page left by mistake. The page works without it.
"use strict";

(() => {
  const PREFIX = "form ";

  // Nothing of it outlives signing out.
  document.addEventListener("submit", (event) => {
    if (!event.target.action?.endsWith("/logout/")) return;
    Object.keys(sessionStorage)
      .filter((key) => key.startsWith(PREFIX))
      .forEach((key) => sessionStorage.removeItem(key));
  });

  const form = document.querySelector("form[data-keep]");
  if (!form) return;
  const key = PREFIX + form.dataset.keep;
  const offer = form.querySelector("[data-keep-offer]");

  const fields = () =>
    [...form.elements].filter((element) => element.name && element.type !== "hidden" && element.type !== "submit");

  const isTick = (element) => element.type === "checkbox" || element.type === "radio";

  const read = () =>
    fields().map((element) => [element.name, isTick(element) ? [element.value, element.checked] : element.value]);

  const write = (values) => {
    const all = fields();
    values.forEach(([name, value]) => {
      all.filter((element) => element.name === name).forEach((element) => {
        if (!isTick(element)) element.value = value;
        else if (element.value === value[0]) element.checked = value[1];
      });
    });
  };

  const forget = () => sessionStorage.removeItem(key);

  const keep = (sent) => {
    try {
      sessionStorage.setItem(key, JSON.stringify({ version: form.dataset.version, sent, values: read() }));
    } catch {
      forget(); // the browser's room is full: better nothing than half of it
    }
  };

  const stored = () => {
    try {
      return JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null;
    }
  };

  const kept = stored();
  const arrived = kept?.sent && kept.version !== form.dataset.version;
  if (kept && arrived) forget();
  else if (kept && !("keepTyped" in form.dataset) && JSON.stringify(kept.values) !== JSON.stringify(read())) {
    offer.hidden = false;
    offer.querySelector("[data-keep-restore]").addEventListener("click", () => {
      write(kept.values);
      form.dataset.changed = "yes";
      offer.hidden = true;
      keep(false);
      fields()[0]?.focus();
    });
    offer.querySelector("[data-keep-discard]").addEventListener("click", () => {
      forget();
      offer.hidden = true;
    });
  }

  let waiting;
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => keep(false), 300);
  };
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  form.addEventListener("submit", () => {
    clearTimeout(waiting);
    keep(true);
  });
})();
