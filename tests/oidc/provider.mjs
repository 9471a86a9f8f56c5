// A real OpenID provider on loopback: any name signs in, and the name's role comes as a claim.
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";

const [port, redirect, algorithm] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const pair = algorithm === "ES256"
  ? generateKeyPairSync("ec", { namedCurve: "P-256" })
  : generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = { ...pair.privateKey.export({ format: "jwk" }), use: "sig", kid: "k1", alg: algorithm };

const provider = new Provider(issuer, {
  clients: [{
    client_id: "euthymia",
    client_secret: "a secret of the clinic's own, long enough",
    redirect_uris: [redirect],
    post_logout_redirect_uris: [redirect.replace("/signin/oidc/callback", "/signin")],
    id_token_signed_response_alg: algorithm,
  }],
  jwks: { keys: [jwk] },
  cookies: { keys: ["only for a test"] },
  conformIdTokenClaims: false,
  claims: { openid: ["sub"], profile: ["roles"] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, roles: id === "visitor" ? [] : ["staff", "doctors"] }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
