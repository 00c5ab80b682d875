/** Where things lie in the pod of a build. */
export const buildPlaces = {
  /** Holds `context`. */
  work: '/work',
  /** Holds `config.json`. */
  login: '/login',
  /** Tokens, while the init container runs. */
  scratch: '/scratch',
  identity: '/identity',
  dockerConfig: '/docker-config',
  /** Of the init container, and of rootless BuildKit, whose image says so. */
  user: 1000,
} as const;
