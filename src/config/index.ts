/** The configuration of a relay. */
export { outboxFileOf, toClientOptions, type WorkspaceClient, type WorkspaceOutbox } from './client-options.ts'
export { isLoopback } from './cross-checks.ts'
export { diffConfig, type ConfigDiff } from './diff.ts'
export type { Flags } from './flag-layer.ts'
export { loadConfig, type Sources } from './load.ts'
export { configJsonSchema } from './json-schema.ts'
export { isSamePlace, isShared } from './outbox-kinds.ts'
export { printConfig, writtenConfig } from './print.ts'
export { ConfigError, describeProblems, type ConfigProblem, type ProblemCode } from './problem.ts'
export type {
  AdminConfig,
  Credentials,
  LimitsConfig,
  ListenConfig,
  LoadedConfig,
  LogLevel,
  OpsConfig,
  Origin,
  OutboxConfig,
  OutboxKind,
  RelayConfig,
  TlsConfig,
  WorkspaceConfig,
} from './relay-config.ts'
export { readTlsFiles, type TlsFiles } from './tls-files.ts'
export { settingRows, type SettingRow } from './rows.ts'
