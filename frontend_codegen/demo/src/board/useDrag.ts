/** Dragging a card with mouse or pen (fingers scroll); the board says what a drop means. */

import { type PointerEvent as ReactPointerEvent, useEffect, useRef, useState } from 'react';
import type { TaskStatus } from '../types';

const BEGINS_AFTER_PX = 5;

/** A card that is on its way. */
export interface Drag {
  readonly id: string;
  readonly width: number;
  /** Where its upper left corner is in the window. */
  readonly x: number;
  readonly y: number;
  /** Where it would go. */
  readonly over: { readonly status: TaskStatus; readonly index: number } | null;
}

interface Grip {
  readonly id: string;
  readonly root: Element;
  readonly width: number;
  readonly startX: number;
  readonly startY: number;
  readonly dx: number;
  readonly dy: number;
}

/** Return the drag that goes on, and the handler that begins one on a card. */
export function useDrag(onDrop: (id: string, status: TaskStatus, index: number) => void) {
  const [drag, setDrag] = useState<Drag | null>(null);
  const grip = useRef<Grip | null>(null);
  const current = useRef<Drag | null>(null);
  const drop = useRef(onDrop);
  drop.current = onDrop;

  useEffect(() => {
    const show = (next: Drag | null): void => {
      current.current = next;
      setDrag(next);
      document.body.classList.toggle('is-dragging', next !== null);
    };
    const end = (): void => {
      grip.current = null;
      show(null);
    };
    const move = (event: PointerEvent): void => {
      const held = grip.current;
      if (!held) return;
      const way = Math.hypot(event.clientX - held.startX, event.clientY - held.startY);
      if (!current.current && way < BEGINS_AFTER_PX) return;
      event.preventDefault();
      show({
        id: held.id,
        width: held.width,
        x: event.clientX - held.dx,
        y: event.clientY - held.dy,
        over: targetAt(held, event.clientX, event.clientY),
      });
    };
    const up = (): void => {
      const { id, over } = current.current ?? {};
      const moved = current.current !== null;
      end();
      if (id && over) drop.current(id, over.status, over.index);
      if (moved) swallowNextClick();
    };
    const key = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && grip.current) end();
    };
    addEventListener('pointermove', move);
    addEventListener('pointerup', up);
    addEventListener('pointercancel', end);
    addEventListener('keydown', key);
    return () => {
      removeEventListener('pointermove', move);
      removeEventListener('pointerup', up);
      removeEventListener('pointercancel', end);
      removeEventListener('keydown', key);
    };
  }, []);

  const begin = (id: string) => (event: ReactPointerEvent<HTMLElement>) => {
    const card = event.currentTarget;
    const root = card.closest('[data-board]');
    const isControl = (event.target as Element).closest('input, textarea, button, select, a');
    if (
      event.pointerType === 'touch' ||
      event.button !== 0 ||
      !root ||
      (isControl && isControl !== card)
    )
      return;
    const box = card.getBoundingClientRect();
    grip.current = {
      id,
      root,
      width: box.width,
      startX: event.clientX,
      startY: event.clientY,
      dx: event.clientX - box.left,
      dy: event.clientY - box.top,
    };
  };
  return { drag, begin };
}

/** Return the column below the pointer, and between which of its cards it is. */
function targetAt(held: Grip, x: number, y: number): Drag['over'] {
  for (const column of held.root.querySelectorAll<HTMLElement>('[data-column]')) {
    const box = column.getBoundingClientRect();
    if (x < box.left || x > box.right || y < box.top - 40 || y > box.bottom + 40) continue;
    const cards = [...column.querySelectorAll<HTMLElement>('[data-card]')].filter(
      (card) => card.dataset.card !== held.id,
    );
    const above = cards.filter((card) => {
      const { top, height } = card.getBoundingClientRect();
      return y > top + height / 2;
    });
    return { status: column.dataset.column as TaskStatus, index: above.length };
  }
  return null;
}

function swallowNextClick(): void {
  const swallow = (event: Event): void => event.stopPropagation();
  addEventListener('click', swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener('click', swallow, { capture: true }), 50);
}
