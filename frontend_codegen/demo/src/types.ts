/** Short names for what the generated types say of the board. */

import type { ChannelEvent, LiveInstance, LiveState } from '@rxgraph/client';
import type { UsedChannel } from '@rxgraph/client/react';
import type {
  ProjectChannelTypes,
  ProjectListChannelTypes,
  ProjectWriteOperation,
  TaskStatus,
} from '../../generated/rxgraph';

export type Board = LiveState<ProjectChannelTypes>;
export type BoardView = UsedChannel<ProjectChannelTypes>;
export type ProjectListView = UsedChannel<ProjectListChannelTypes>;
export type BoardEvent = ChannelEvent;
export type Task = LiveInstance<ProjectChannelTypes, 'Task'>;
export type User = LiveInstance<ProjectChannelTypes, 'User'>;
export type Label = LiveInstance<ProjectChannelTypes, 'Label'>;
export type ChecklistItem = LiveInstance<ProjectChannelTypes, 'ChecklistItem'>;
export type Comment = LiveInstance<ProjectChannelTypes, 'Comment'>;
export type { ProjectWriteOperation, TaskStatus };

/** Several writes in one transaction. */
export type WriteMany = (operations: readonly ProjectWriteOperation[]) => Promise<void>;
