/** The runs of pipelines that requests belong to: what they can be told and asked. */

/** A stage of a run as the retry of it needs it. */
export interface RunStage {
  /** Its reference name, not its display name. */
  readonly name: string;
  readonly state: 'pending' | 'running' | 'completed';
  readonly result?: 'succeeded' | 'failed' | 'canceled' | 'skipped' | 'other';
  /** The pipeline jobs in it; `jobId` is that of the request. */
  readonly jobs: readonly { readonly jobId: string; readonly name: string }[];
}

export interface PipelineRuns {
  /** Tags of a run; undefined = the server does not know the run, or it is no build. */
  getTags(projectId: string, runId: number): Promise<readonly string[] | undefined>;
  /** Adds a tag; adding one that is there changes nothing. */
  addTag(projectId: string, runId: number, tag: string): Promise<void>;
  /** Asks for the cancellation of a run; `over` = it has ended already, `refused` = the identity may not. */
  cancelRun(projectId: string, runId: number): Promise<'asked' | 'over' | 'refused'>;
  /** The stages of a run; undefined = the server does not know the run. */
  listStages(projectId: string, runId: number): Promise<readonly RunStage[] | undefined>;
  /** Runs the failed jobs of one finished stage again. Sent once, never retried. */
  retryStage(projectId: string, runId: number, stage: string): Promise<'asked' | 'refused'>;
}
