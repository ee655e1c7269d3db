// Continues the check of the audit trail turn by turn. Without script a button does.
document.querySelector("form[data-continues]")?.requestSubmit();
