// Starts the API viewer on our own document. validatorUrl and
// oauth2RedirectUrl are set so that nothing is asked of another host.
window.ui = window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#viewer',
  deepLinking: true,
  filter: true,
  validatorUrl: null,
  oauth2RedirectUrl: null,
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
  presets: [window.SwaggerUIBundle.presets.apis],
});
