// Improvements only: every page works without them.
"use strict";

(() => {
  // A second click must not file a second request. Restored on pageshow, as the back button shows the old page again.
  const submitButtons = (form) =>
    [...form.elements].filter((element) => element.type === "submit" && !element.disabled);

  const release = (form) => {
    delete form.dataset.submitted;
    form.querySelectorAll("[data-guarded]").forEach((button) => {
      button.disabled = false;
      button.removeAttribute("data-guarded");
    });
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.submitted) {
      event.preventDefault();
      return;
    }
    form.dataset.submitted = "yes";
    delete form.dataset.changed;
    // After the browser has read the form: a disabled button is not sent along.
    setTimeout(() => {
      submitButtons(form).forEach((button) => {
        button.disabled = true;
        button.setAttribute("data-guarded", "");
      });
    });
    // An answer with a file to save leaves the page standing.
    if (form.hasAttribute("data-stays")) setTimeout(() => release(form), 3000);
  });

  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-submitted]").forEach(release);
  });

  // Unsaved changes: the browser asks, in its own words.
  const markChanged = (event) => {
    const form = event.target.closest?.("form[data-unsaved]");
    if (form) form.dataset.changed = "yes";
  };
  document.addEventListener("input", markChanged);
  document.addEventListener("change", markChanged);
  window.addEventListener("beforeunload", (event) => {
    if (document.querySelector("form[data-unsaved][data-changed]")) event.preventDefault();
  });

  // The menu of the user closes on Escape and on a click elsewhere.
  const closeMenus = (except) => {
    document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
      if (menu !== except) menu.open = false;
    });
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details[data-menu]")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details[data-menu][open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  // After a refused form, the reader begins at the list of what to correct.
  document.querySelector("[data-error-summary]")?.focus();

  // A part of a page that cannot be fetched: load the page as a whole, where the server can explain itself.
  document.addEventListener("htmx:responseError", (event) => {
    const { requestConfig } = event.detail;
    if (requestConfig.verb === "get") window.location.assign(event.detail.pathInfo.finalRequestPath);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-print]")) window.print();
  });
})();
