"""Who calls, and what they may do: doors (htpasswd, tokens) tell who it is, the policy decides."""
