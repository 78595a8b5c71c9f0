// A form whose fields stand in the address: `#/search?queue=billing&outcome=escalated`.

export class Query {
  /** `changed` runs after the form was sent; an address that comes from elsewhere goes to `fill`. */
  constructor(form, view, changed) {
    this.form = form;
    this.asked = null; // what the list on screen answers
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const hash = `#/${view}${this.text() ? `?${this.text()}` : ""}`;
      if (location.hash === hash) changed();
      else location.hash = hash;
    });
    form.addEventListener("reset", () => setTimeout(() => form.requestSubmit()));
  }

  entries() {
    return [...new FormData(this.form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value);
  }

  text() {
    return new URLSearchParams(this.entries()).toString();
  }

  /** Takes over what the address says; true when that has not been asked yet. */
  fill(params) {
    for (const field of this.form.elements) if (field.name) field.value = params.get(field.name) ?? "";
    const fresh = this.text() !== this.asked;
    this.asked = this.text();
    return fresh;
  }
}

/** A local time of a form as RFC 3339. */
export function moment(local) {
  const date = new Date(local);
  return Number.isNaN(date.getTime()) ? local : date.toISOString();
}
