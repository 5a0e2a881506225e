// Security keys: the one thing that browsers do by script alone. A form of class "key" asks the
// server for options, has the key make or sign, and is sent with the answer as all other forms.
'use strict';

const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const described = list => (list || []).map(one => ({ ...one, id: bytes(one.id) }));

async function ask({ publicKey: o }) {
  o.challenge = bytes(o.challenge);
  if (o.user) {
    o.user.id = bytes(o.user.id);
    o.excludeCredentials = described(o.excludeCredentials);
    return navigator.credentials.create({ publicKey: o });
  }
  o.allowCredentials = described(o.allowCredentials);
  return navigator.credentials.get({ publicKey: o });
}

function written(key) {
  const response = {};
  for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (key.response[name]) response[name] = text(key.response[name]);
  }
  if (key.response.getTransports) response.transports = key.response.getTransports();
  return JSON.stringify({
    id: key.id, rawId: text(key.rawId), type: key.type, response,
    authenticatorAttachment: key.authenticatorAttachment, clientExtensionResults: key.getClientExtensionResults(),
  });
}

async function use(form) {
  const asked = await fetch(form.dataset.begin, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
  if (asked.redirected) throw new Error('That was a while ago. Please open this page again.');
  const { options, ticket, problem } = await asked.json();
  if (problem) throw new Error(problem);
  form.elements.answer.value = written(await ask(options));
  form.elements.key.value = ticket;
  form.submit();
}

for (const form of document.querySelectorAll('form.key')) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  const problem = form.querySelector('.error');
  form.addEventListener('submit', event => {
    event.preventDefault();
    problem.hidden = true;
    use(form).catch(error => {
      problem.textContent = error.name === 'NotAllowedError' ? 'The security key was not used. Please try again.' : error.message;
      problem.hidden = false;
    });
  });
}
