// Asks the node; with the token where one is needed, which goes into no address.

const PLACE = "ecg2lab-token";
let token = sessionStorage.getItem(PLACE) || "";

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function useToken(given) {
  token = given.trim();
  sessionStorage.setItem(PLACE, token);
}

export function forgetToken() {
  token = "";
  sessionStorage.removeItem(PLACE);
}

export async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers, credentials: "omit", cache: "no-store", redirect: "error" });
  } catch {
    throw new Refusal(0, "the node cannot be reached");
  }
  return answer;
}

export async function askJson(path, options = {}) {
  const answer = await ask(path, options);
  if (!answer.ok) throw new Refusal(answer.status, await reason(answer));
  return answer.json();
}

export const again = (path) =>
  askJson(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });

export async function reason(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `the node answered with status ${answer.status}`;
  }
}
