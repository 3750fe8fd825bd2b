// Generated from the reasons of the servers' errors by `make generate`.

import { GraphwardenError } from "./error.js";

/** The servers' reason `InvalidJSON`. */
export class InvalidJSONError extends GraphwardenError {
  override readonly name = "InvalidJSONError";
}

/** The servers' reason `InvalidRequest`. */
export class InvalidRequestError extends GraphwardenError {
  override readonly name = "InvalidRequestError";
}

/** The servers' reason `MissingAssistantID`. */
export class MissingAssistantIDError extends GraphwardenError {
  override readonly name = "MissingAssistantIDError";
}

/** The servers' reason `UnknownAssistant`. */
export class UnknownAssistantError extends GraphwardenError {
  override readonly name = "UnknownAssistantError";
}

/** The servers' reason `UnsupportedField`. */
export class UnsupportedFieldError extends GraphwardenError {
  override readonly name = "UnsupportedFieldError";
}

/** The servers' reason `NotResumable`. */
export class NotResumableError extends GraphwardenError {
  override readonly name = "NotResumableError";
}

/** The servers' reason `NotFound`. */
export class NotFoundError extends GraphwardenError {
  override readonly name = "NotFoundError";
}

/** The servers' reason `Unauthenticated`. */
export class UnauthenticatedError extends GraphwardenError {
  override readonly name = "UnauthenticatedError";
}

/** The servers' reason `Forbidden`. */
export class ForbiddenError extends GraphwardenError {
  override readonly name = "ForbiddenError";
}

/** The servers' reason `MethodNotAllowed`. */
export class MethodNotAllowedError extends GraphwardenError {
  override readonly name = "MethodNotAllowedError";
}

/** The servers' reason `RequestTimeout`. */
export class RequestTimeoutError extends GraphwardenError {
  override readonly name = "RequestTimeoutError";
}

/** The servers' reason `Conflict`. */
export class ConflictError extends GraphwardenError {
  override readonly name = "ConflictError";
}

/** The servers' reason `IdempotencyKeyReused`. */
export class IdempotencyKeyReusedError extends GraphwardenError {
  override readonly name = "IdempotencyKeyReusedError";
}

/** The servers' reason `BodyTooLarge`. */
export class BodyTooLargeError extends GraphwardenError {
  override readonly name = "BodyTooLargeError";
}

/** The servers' reason `Misdirected`. */
export class MisdirectedError extends GraphwardenError {
  override readonly name = "MisdirectedError";
}

/** The servers' reason `HeadersTooLarge`. */
export class HeadersTooLargeError extends GraphwardenError {
  override readonly name = "HeadersTooLargeError";
}

/** The servers' reason `QueueFull`. */
export class QueueFullError extends GraphwardenError {
  override readonly name = "QueueFullError";
}

/** The servers' reason `TooManyConnections`. */
export class TooManyConnectionsError extends GraphwardenError {
  override readonly name = "TooManyConnectionsError";
}

/** The servers' reason `Internal`. */
export class InternalError extends GraphwardenError {
  override readonly name = "InternalError";
}

/** The servers' reason `UpstreamLost`. */
export class UpstreamLostError extends GraphwardenError {
  override readonly name = "UpstreamLostError";
}

/** The servers' reason `UpstreamTimeout`. */
export class UpstreamTimeoutError extends GraphwardenError {
  override readonly name = "UpstreamTimeoutError";
}

/** The servers' reason `PartlyStarted`. */
export class PartlyStartedError extends GraphwardenError {
  override readonly name = "PartlyStartedError";
}

/** The servers' reason `PoolUnavailable`. */
export class PoolUnavailableError extends GraphwardenError {
  override readonly name = "PoolUnavailableError";
}

/** The servers' reason `GraphNotReady`. */
export class GraphNotReadyError extends GraphwardenError {
  override readonly name = "GraphNotReadyError";
}

/** The servers' reason `GraphNotLoaded`. */
export class GraphNotLoadedError extends GraphwardenError {
  override readonly name = "GraphNotLoadedError";
}

/** The servers' reason `GraphSuspended`. */
export class GraphSuspendedError extends GraphwardenError {
  override readonly name = "GraphSuspendedError";
}

/** The servers' reason `AtCapacity`. */
export class AtCapacityError extends GraphwardenError {
  override readonly name = "AtCapacityError";
}

/** The servers' reason `Draining`. */
export class DrainingError extends GraphwardenError {
  override readonly name = "DrainingError";
}

/** The servers' reason `MemoryPressure`. */
export class MemoryPressureError extends GraphwardenError {
  override readonly name = "MemoryPressureError";
}

/** The servers' reason `StorageMissing`. */
export class StorageMissingError extends GraphwardenError {
  override readonly name = "StorageMissingError";
}

/** The servers' reason `StorageUnavailable`. */
export class StorageUnavailableError extends GraphwardenError {
  override readonly name = "StorageUnavailableError";
}

/** The class of each reason. */
export const ERRORS = {
  InvalidJSON: InvalidJSONError,
  InvalidRequest: InvalidRequestError,
  MissingAssistantID: MissingAssistantIDError,
  UnknownAssistant: UnknownAssistantError,
  UnsupportedField: UnsupportedFieldError,
  NotResumable: NotResumableError,
  NotFound: NotFoundError,
  Unauthenticated: UnauthenticatedError,
  Forbidden: ForbiddenError,
  MethodNotAllowed: MethodNotAllowedError,
  RequestTimeout: RequestTimeoutError,
  Conflict: ConflictError,
  IdempotencyKeyReused: IdempotencyKeyReusedError,
  BodyTooLarge: BodyTooLargeError,
  Misdirected: MisdirectedError,
  HeadersTooLarge: HeadersTooLargeError,
  QueueFull: QueueFullError,
  TooManyConnections: TooManyConnectionsError,
  Internal: InternalError,
  UpstreamLost: UpstreamLostError,
  UpstreamTimeout: UpstreamTimeoutError,
  PartlyStarted: PartlyStartedError,
  PoolUnavailable: PoolUnavailableError,
  GraphNotReady: GraphNotReadyError,
  GraphNotLoaded: GraphNotLoadedError,
  GraphSuspended: GraphSuspendedError,
  AtCapacity: AtCapacityError,
  Draining: DrainingError,
  MemoryPressure: MemoryPressureError,
  StorageMissing: StorageMissingError,
  StorageUnavailable: StorageUnavailableError,
} as const;

/** A reason that a server gives for an error. */
export type Reason = keyof typeof ERRORS;

/** With one of these nothing of the call has begun. */
export const NOT_STARTED: ReadonlySet<string> = new Set<Reason>([
  "QueueFull",
  "TooManyConnections",
  "PoolUnavailable",
  "GraphNotReady",
  "GraphNotLoaded",
  "GraphSuspended",
  "AtCapacity",
  "Draining",
  "MemoryPressure",
  "StorageMissing",
]);
