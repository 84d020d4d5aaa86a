"""The second stage: declarations become state trees and Strawberry types."""
